"""Partial fine-tuning: train the top k layers and the head; embeddings and lower layers stay as they are.

Frozen layers are computed without dropout, and once for each text where that pays. `gradual_unfreezing` opens the top
layers one after the other, the head first, so that a new head does not disturb layers that it cannot use yet.
`layer_decay` and `head_learning_rate` set rates of their own (`learning_rates.py`).
Reference: Howard & Ruder (2018), https://arxiv.org/abs/1801.06146
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.base import Change, Method, Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.learning_rates import rate_groups
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

    from nlp_transfer.methods.extension import Extension


@final
@dataclass(frozen=True)
class PartialFineTuning(Method):
    """Train the top layers and the head.

    Args:
        layers: how many layers train, counted from the top; 0 trains the head alone.
        gradual_unfreezing: open the layers one by one, from the top, at equal shares of the training steps.
        layer_decay: factor on the learning rate for each layer further down; 1 is the same rate everywhere.
        head_learning_rate: of the head and the pooler before it; null is the run's.

    Example:
        >>> trainer = TransferTrainer(model, arguments, train_dataset=rows, methods=[PartialFineTuning(layers=1)])
        >>> trainer.get_num_trainable_parameters()
        8659
    """

    name: ClassVar[str] = "partial_fine_tuning"
    citation: ClassVar[str] = "Howard & Ruder (2018), https://arxiv.org/abs/1801.06146"
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.HEAD}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})

    layers: int = 2
    gradual_unfreezing: bool = False
    layer_decay: float = 1.0
    head_learning_rate: float | None = None

    def __post_init__(self) -> None:
        self.check_values(layers=(self.layers >= 0, "0 (the head alone) or more"))

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has so many layers and no adapter, and that its family is known."""
        from nlp_transfer.models.adapters import check_adapter_conflict
        from nlp_transfer.models.families import check_layer_count

        check_adapter_conflict(self.name, model)
        check_layer_count(f"{self.name}.layers", self.layers, model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Free the top layers, the norm after them and the head; freeze the rest."""
        from nlp_transfer.models.families import encoder_layers, train_top_layers

        layers = list(encoder_layers(model))
        train_top_layers(model, layers[len(layers) - self.layers :])
        context.facts[self.name] = {"trained_layers": self.layers, "encoder_layers": len(layers)}
        return model

    def parameter_groups(self, model: "nn.Module", learning_rate: float) -> Iterator[tuple[list[str], float]]:
        """Yield the groups of `rate_groups`."""
        return rate_groups(model, learning_rate, self.layer_decay, self.head_learning_rate)

    def extension(self) -> "Extension | None":
        """Return what opens the layers one by one, where asked for."""
        if not self.gradual_unfreezing or self.layers == 0:
            return None
        from nlp_transfer.methods.gradual_unfreezing import GradualUnfreezing

        return GradualUnfreezing(self.layers)
