"""PEFT adapters: train any adapter that the peft package has, and the head.

    methods: [{name: peft, peft_type: IA3, settings: {target_modules: [key, value]}}]

equals `TransferTrainer(peft_config=IA3Config(target_modules=["key", "value"]))`. The head, and every other parameter
that the checkpoint does not hold, is trained in full and saved with the adapter. Types that fail with an encoder, or
lose something silently, are refused with the reason. `lora` has better defaults for that type.
Reference: Mangrulkar et al. (2022), PEFT, https://huggingface.co/docs/peft/package_reference/config
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, final, get_args, get_type_hints

from nlp_transfer.errors import ConfigError, did_you_mean, format_value
from nlp_transfer.methods.base import Change, Method, Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems

if TYPE_CHECKING:
    from peft import PeftConfig
    from torch import nn
    from transformers import PreTrainedModel

_PAST_KEYS = "it hands the model past keys and values, which encoders do not take"
_TASK_IDS = "it needs the number of a task with every row, and a corpus is one task"
_DECODERS = "it is made for decoders"
_EVERY_STEP = "it must be updated at every step to share out its ranks, which the training loop does not do"

REFUSED = {
    "ADALORA": _EVERY_STEP,
    "ADAPTION_PROMPT": _DECODERS,
    "CARTRIDGE": _PAST_KEYS,
    "CPT": _DECODERS,
    "MULTITASK_PROMPT_TUNING": _TASK_IDS,
    "POLY": _TASK_IDS,
    "PREFIX_TUNING": _PAST_KEYS,
    "SHADOW": _DECODERS,
}
"""Types that cannot work here, with the reason."""

_NO_HEAD = "it cannot save a fresh head (it has no modules_to_save), so that the head would stay random"

MODULE_LISTS = ("target_modules", "feedforward_modules")
"""Settings that name modules; of several names PEFT ignores those that it does not find."""


@final
@dataclass(frozen=True)
class PeftAdapter(Method):
    """Train an adapter of PEFT's and the head.

    Args:
        peft_type: PEFT's name of the kind: IA3, LOHA, LOKR, OFT, BOFT, VERA, LN_TUNING, PROMPT_TUNING, P_TUNING, …
        settings: the fields of that kind's configuration class, such as `target_modules` (names or ends of names, or a
            regular expression for the whole name). `task_type` and the head are filled in.

    Example:
        >>> trainer = TransferTrainer(model, arguments, train_dataset=rows, methods=[PeftAdapter(peft_type="IA3")])
        >>> trainer.get_num_trainable_parameters()
        1587
    """

    name: ClassVar[str] = "peft"
    citation: ClassVar[str] = (
        "Mangrulkar et al. (2022), PEFT, https://huggingface.co/docs/peft/package_reference/config"
    )
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.LOGITS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})
    adds_adapter: ClassVar[bool] = True
    run_defaults: ClassVar[Mapping[str, float]] = {"learning_rate": 5e-4}

    peft_type: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._config()

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the model has the modules and no adapter, and that PEFT accepts it."""
        from torch import nn

        from nlp_transfer.models.adapters import check_module_names, check_no_adapter, try_peft_model

        check_no_adapter(model)
        for key in MODULE_LISTS:
            if isinstance(names := self.settings.get(key), list):
                check_module_names(f"{self.name}.settings.{key}", names, model, nn.Module)
        try_peft_model(model, self._config())

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Wrap the model in PEFT's."""
        from nlp_transfer.models.adapters import peft_model, saved_modules

        saved = saved_modules(model, context.new_parameters)
        adapted = peft_model(model, self._config(), context.new_parameters)
        facts: dict[str, Any] = {"peft_type": self.peft_type, "saved_modules": saved}
        if targets := getattr(adapted.active_peft_config, "target_modules", None):
            facts["target_modules"] = targets if isinstance(targets, str) else sorted(targets)
        context.facts[self.name] = facts
        return adapted

    @property
    def reserved_positions(self) -> int:
        """Return the number of a prompt's virtual tokens."""
        return int(getattr(self._config(), "num_virtual_tokens", None) or 0)

    def _config(self) -> "PeftConfig":
        """Return PEFT's configuration object; raise ConfigError with every problem."""
        from peft import PeftConfig
        from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

        classes: dict[str, Any] = {str(kind.value): cls for kind, cls in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
        reasons = {kind: _NO_HEAD for kind, cls in classes.items() if "modules_to_save" not in _names(cls)} | REFUSED
        if self.peft_type in classes and self.peft_type in reasons:
            reason = reasons[self.peft_type]
            raise ConfigError(f"{self.name}.peft_type is {self.peft_type}, which cannot be used: {reason}.")
        usable = [kind for kind in classes if kind not in reasons]
        if self.peft_type not in usable:
            raise ConfigError(f"{self.name}.peft_type: {did_you_mean('type', self.peft_type, usable)}")

        cls, problems, values = classes[self.peft_type], [], {}
        hints, ours = get_type_hints(cls), _names(PeftConfig)
        known = {f.name: f for f in fields(cls) if f.init and f.name not in ours}
        for key, value in self.settings.items():
            if key not in known:
                problems.append(f"{self.name}.settings: {did_you_mean('setting', str(key), known)}")
            else:
                where = f"{self.name}.settings.{key}"
                values[key] = _parse_setting(known[key], hints[key], value, where, problems)
        problems += size_problems(f"{self.name}.settings.", values)
        if values.get("use_asa"):
            problems.append(f"{self.name}.settings.use_asa cannot be on: {_EVERY_STEP}.")
        if "num_virtual_tokens" in known and "num_virtual_tokens" not in self.settings:
            problems.append(f"{self.name}.settings.num_virtual_tokens is missing: the prompt's length, such as 16.")
        if isinstance(tokens := values.get("num_virtual_tokens"), int) and tokens < 1:
            problems.append(f"{self.name}.settings.num_virtual_tokens is {tokens}; expected 1 or more.")
        if problems:
            raise ConfigError(problems)
        try:
            return cls(**values)
        except (ValueError, TypeError, ImportError) as error:
            text = " ".join(str(error).split())
            raise ConfigError(f"{self.name}.settings: PEFT refuses this {cls.__name__}: {text}") from error


def _names(cls: type) -> list[str]:
    return [f.name for f in fields(cls) if f.init]


def _parse_setting(field: "Field[Any]", hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    """Return a setting as its type takes it, such as a number for `2e-4`; add a problem where it does not fit."""
    from jsonargparse import ArgumentError, ArgumentParser

    if value == field.default or isinstance(value, dict):  # PEFT takes plain mappings
        return value
    if value is None and type(None) not in (hint, *get_args(hint)):  # which jsonargparse takes for any type
        problems.append(f"{where} is null; expected {_type_name(hint)}.")
        return None
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        return parser.parse_object({"value": value}).value
    except (ArgumentError, TypeError, ValueError):
        problems.append(f"{where} is {format_value(value)}; expected {_type_name(hint)}.")
        return None


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
