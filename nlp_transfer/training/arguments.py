"""TransferArguments: `transformers.TrainingArguments` with more arguments, and without its silent defaults."""

import copy
import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from transformers import Seq2SeqTrainingArguments, TrainingArguments
from transformers.trainer_utils import HubStrategy

from nlp_transfer.errors import ConfigError
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.training.own_arguments import OwnArguments
from nlp_transfer.training.run_arguments import report_to_problems
from nlp_transfer.training.runtime import uses_bf16
from nlp_transfer.training.source_weights import read_weights, weights_problems


@dataclass
class TransferArguments(OwnArguments, TrainingArguments):
    """Extend `transformers.TrainingArguments`. Everything that `Trainer` understands keeps its meaning.

    Args:
        logging_nan_inf_filter: off, unlike in transformers, where a not-finite loss is logged as 0.0.
        restore_callback_states_from_checkpoint: on, unlike in transformers, where patience starts anew on resuming.
        push_to_hub: put the trained model on the Hub when the run ends, as `scripts/push.py` does it; the login is
            tried before training begins. A trainer without a run pushes at `trainer.push_to_hub()`.
        hub_strategy: `end`, unlike in transformers: another would publish checkpoints, and is refused.
        hub_private_repo: whether a new repository is private: yes, unlike in transformers.

    Example:
        >>> TransferArguments("runs/lora", precision="bf16", use_cpu=True).bf16
        True
    """

    logging_nan_inf_filter: bool = False
    restore_callback_states_from_checkpoint: bool = True
    push_to_hub: bool = False
    hub_strategy: HubStrategy | str = "end"
    hub_private_repo: bool | None = True

    def __post_init__(self) -> None:
        self.source_weights = read_weights(self.source_weights)
        problems = [*self._range_problems(), *weights_problems(self.source_weights)]
        self.report_to = "none" if self.report_to is None else self.report_to  # transformers fails on its own None
        problems += report_to_problems(self.report_to)
        if problems:
            raise ConfigError(problems)
        # Tokens stay out: what is kept here is pickled into checkpoints and written into a run's folder.
        self._given = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.init and not f.name.endswith("token") and _differs(self, f)
        }
        self.left_to_rows: frozenset[str] = frozenset()
        self.metric_is_default = False  # whether metric_for_best_model is the default of a run
        import torch

        if not torch.accelerator.is_available():
            self.dataloader_pin_memory = False  # there is no device to pin for; PyTorch would warn at each loader
        if self.precision is not None:
            if self.fp16 or (self.bf16 and self.precision == "fp32"):
                raise ConfigError(
                    f"training.precision is {self.precision!r} while training.{'fp16' if self.fp16 else 'bf16'} is on. "
                    "Set one of them."
                )
            device = "cuda" if torch.cuda.is_available() and not self.use_cpu else "cpu"
            self.bf16 = uses_bf16(self.precision, device)
            # transformers takes bf16 on a machine without a GPU only where the CPU was asked for by name.
            self.use_cpu = self.use_cpu or (self.bf16 and device == "cpu")
        best = METRICS.get(str(self.metric_for_best_model or "").removeprefix("eval_"))
        if best is not None and self.greater_is_better is None:
            self.greater_is_better = best.greater_is_better
        super().__post_init__()
        if self.push_to_hub and (problem := strategy_problem(self.hub_strategy)):
            raise ConfigError(problem)
        if self.early_stopping_patience is not None and not self.load_best_model_at_end:
            raise ConfigError(
                "training.early_stopping_patience needs training.load_best_model_at_end: true, else the last weights "
                "are kept and not the best."
            )

    def _range_problems(self) -> list[str]:
        """Return a message for each number that is out of its range."""
        problems = [
            f"training.{name} is {getattr(self, name)!r}; expected a number."
            for name in ["max_steps", "num_train_epochs", *(name for names, _, _ in _RANGES for name in names)]
            if getattr(self, name) is not None and not hasattr(getattr(self, name), "__float__")
        ]
        if problems:
            return problems
        problems = [
            f"training.{name} is {getattr(self, name)}; expected {expected}."
            for names, expected, holds in _RANGES
            for name in names
            if getattr(self, name) is not None and not holds(getattr(self, name))
        ]
        problems += size_problems("training.", vars(self))
        if self.dataloader_persistent_workers and not self.dataloader_num_workers:
            problems.append("training.dataloader_persistent_workers needs training.dataloader_num_workers above 0.")
        if self.max_steps <= 0 and not 0 <= self.num_train_epochs < math.inf:
            problems.append(
                f"training.num_train_epochs is {self.num_train_epochs}; expected 0 or more, or training.max_steps."
            )
        return problems

    def with_output_dir(self, output_dir: str, **changes: Any) -> "TransferArguments":
        """Return the same arguments with another output folder and changes; raise ConfigError for wrong ones."""
        other = copy.copy(self)
        changes["output_dir"] = output_dir
        for name, value in changes.items():
            setattr(other, name, value)
        if problems := other._range_problems():
            raise ConfigError(problems)
        other._given = {**self._given, **changes}
        return other

    def given(self) -> dict[str, Any]:
        """Return the arguments whose values are not their defaults, as they were given; tokens are left out."""
        return dict(self._given)


@dataclass
class Seq2SeqTransferArguments(TransferArguments, Seq2SeqTrainingArguments):
    """Extend `transformers.Seq2SeqTrainingArguments` (`predict_with_generate`, …) by all of `TransferArguments`.

    Args:
        generate_in_evaluation: with `predict_with_generate`, write also in the evaluations while training; off, these
            give only the loss, and `predict` writes.

    Example:
        >>> Seq2SeqTransferArguments("runs/bart", predict_with_generate=True, use_cpu=True).generate_in_evaluation
        True
    """

    generate_in_evaluation: bool = True

    @classmethod
    def of(cls, arguments: TransferArguments, **values: Any) -> "Seq2SeqTransferArguments":
        """Return the same arguments for a trainer that generates text, without a reset of the distributed state."""
        other: Any = copy.copy(arguments)
        other.__class__ = cls  # whose defaults count for what `arguments` has not
        for name, value in values.items():
            setattr(other, name, value)
        return other  # type: ignore[no-any-return]


def strategy_problem(strategy: HubStrategy | str) -> str | None:
    """Return what is wrong with a `hub_strategy`; None for `end`."""
    if HubStrategy(strategy) == HubStrategy.END:
        return None
    return (
        f"training.hub_strategy is {HubStrategy(strategy).value!r}, which would publish checkpoints with optimizer "
        "states and training_args.bin. Expected end: the model is pushed once, when it is trained and scanned."
    )


_RANGES: tuple[tuple[tuple[str, ...], str, Callable[[float], bool]], ...] = (
    (
        (
            "cpu_threads",
            "per_device_train_batch_size",
            "per_device_eval_batch_size",
            "gradient_accumulation_steps",
            "max_tokens_per_forward",
            "eval_accumulation_steps",
            "dataloader_prefetch_factor",
            "ddp_bucket_cap_mb",
            "ddp_timeout",
            "early_stopping_patience",
        ),
        "at least 1",
        lambda value: value >= 1,
    ),
    (("save_steps", "eval_steps", "logging_steps"), "a finite number", math.isfinite),
    (("label_smoothing_factor",), "0 <= value <= 1", lambda value: 0 <= value <= 1),
    (
        (
            "learning_rate",
            "warmup_steps",
            "weight_decay",
            "adam_epsilon",
            "max_grad_norm",
            "max_skipped_updates",
            "activation_cache_gb",
            "dataloader_num_workers",
            "early_stopping_threshold",
            "eval_delay",
            "neftune_noise_alpha",
        ),
        "0 or more",
        lambda value: 0 <= value < math.inf,
    ),
    (("adam_beta1", "adam_beta2", "attention_dropout"), "0 <= value < 1", lambda value: 0 <= value < 1),
    (("seed", "data_seed"), "0 to 4294967295", lambda value: 0 <= value < 2**32),
)
"""Names, what is expected of them, and whether a value is that. PyTorch and NumPy would complain only in the run."""


def _differs(arguments: TransferArguments, argument: "dataclasses.Field[Any]") -> bool:
    default = argument.default
    if argument.default_factory is not dataclasses.MISSING:
        default = argument.default_factory()
    return bool(getattr(arguments, argument.name) != default)
