"""LoRA: train a change of low rank for every linear layer of the encoder; its own weights stay as they are.

    W' = W + (alpha / r) B A,    A: (r, in), B: (out, r), B = 0 at the start

The head, and every other parameter that the checkpoint does not hold, is trained in full and saved with the adapter.
With `layers` only the top layers get one, and the outputs of those below are computed once.
Reference: Hu et al. (2021), https://arxiv.org/abs/2106.09685; all linear
layers: Dettmers et al. (2023), https://arxiv.org/abs/2305.14314; rsLoRA: https://arxiv.org/abs/2312.03732; DoRA:
https://arxiv.org/abs/2402.09353
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Change, Method
from nlp_transfer.methods.context import Context

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class LoRA(Method):
    """Train an adapter of low rank and the head.

    Args:
        r: rank of the change.
        alpha: scale of the change, over r; None is 2 r.
        dropout: dropout on what enters A.
        target_modules: names (or ends of names) of the linear layers that get an adapter; None is all in the encoder's
            layers.
        layers: in how many layers, counted from the top, linear layers get an adapter; None is in all.
        use_dora: learn the length of each row apart from its direction (slower).
        use_rslora: scale by alpha / sqrt(r), which keeps high ranks from learning too slowly.
        learning_rate: rate of A and B, which want about ten times that of full fine-tuning; None is the run's.

    Example:
        >>> trainer = TransferTrainer(model, arguments, train_dataset=rows, methods=[LoRA(r=2)])
        >>> trainer.get_num_trainable_parameters()
        3651
    """

    name: ClassVar[str] = "lora"
    citation: ClassVar[str] = (
        "Hu et al. (2021), https://arxiv.org/abs/2106.09685; all linear layers: Dettmers et al. (2023), "
        "https://arxiv.org/abs/2305.14314; rsLoRA: https://arxiv.org/abs/2312.03732; DoRA: "
        "https://arxiv.org/abs/2402.09353"
    )
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})
    adds_adapter: ClassVar[bool] = True
    run_defaults: ClassVar[Mapping[str, float]] = {"learning_rate": 5e-4}

    r: int = 16
    alpha: int | None = None
    dropout: float = 0.05
    target_modules: list[str] | None = None
    layers: int | None = None
    use_dora: bool = False
    use_rslora: bool = False
    learning_rate: float | None = None

    def __post_init__(self) -> None:
        self.check_values(
            r=(self.r >= 1, "a rank of 1 or more"),
            alpha=(self.alpha is None or 0 < self.alpha < math.inf, "more than 0"),
            dropout=(0 <= self.dropout < 1, "0 <= dropout < 1"),
            target_modules=(self.target_modules != [], "names; leave it out for all linear layers of the encoder"),
            layers=(self.layers is None or self.layers >= 1, "1 or more, or leave it out for all"),
        )

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the model has the targets and layers, not all of them frozen, and no adapter."""
        from torch import nn

        from nlp_transfer.models.adapters import check_module_names, check_no_adapter
        from nlp_transfer.models.families import check_layer_count, is_known, lora_targets
        from nlp_transfer.models.heads.encoder_decoder import check_separate_weights

        check_no_adapter(model)
        check_separate_weights(model)
        if self.target_modules is None and is_known(model):
            lora_targets(model)
        check_module_names("lora.target_modules", self.target_modules or [], model, nn.Linear)
        if self.layers is not None:
            check_layer_count("lora.layers", self.layers, model)
            if not lora_targets(model, top_layers=self.layers, names=self.target_modules):
                named = f"lora.target_modules ({', '.join(self.target_modules or [])})"
                raise ConfigError(f"lora.layers is {self.layers}, and none of these layers has one of {named}.")

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Wrap the model in PEFT's."""
        from peft import LoraConfig

        from nlp_transfer.models.adapters import peft_model, saved_modules
        from nlp_transfer.models.families import lora_targets

        targets = self.target_modules
        if self.layers is not None:
            targets = lora_targets(model, top_layers=self.layers, names=targets)
        config = LoraConfig(
            r=self.r,
            lora_alpha=2 * self.r if self.alpha is None else self.alpha,
            lora_dropout=self.dropout,
            target_modules=targets,
            use_dora=self.use_dora,
            use_rslora=self.use_rslora,
        )
        saved = saved_modules(model, context.new_parameters)
        adapted = peft_model(model, config, context.new_parameters)
        named = sorted(adapted.active_peft_config.target_modules)
        context.facts[self.name] = {"target_modules": named, "saved_modules": saved}
        return adapted

    def parameter_groups(self, model: "nn.Module", learning_rate: float) -> Iterator[tuple[list[str], float]]:
        """Yield the adapter's matrices, where they have a rate of their own."""
        if self.learning_rate is not None:
            adapter = [name for name, p in model.named_parameters() if p.requires_grad and ".lora_" in name]
            yield adapter, self.learning_rate
