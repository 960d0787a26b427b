"""LP-FT: linear probing, then fine-tuning.

First a linear head is fitted to its optimum on the frozen encoder (`probing.py`). Then all weights, or the top
`trained_layers`, are trained from there. A random head sends large random gradients into the encoder, which distort
features that hold outside the training domain; a fitted one does not.
Reference: Kumar et al. (2022), https://arxiv.org/abs/2202.10054
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.base import Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.probing import LinearProbing
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class LPFT(LinearProbing):
    """Fit the head on the frozen encoder, then train everything.

    Other fields: see `LinearProbing`.

    Args:
        layers: the layers that the probe may read, 1 is the lowest; layers above the chosen one are dropped. None is
            the last one, so that none is.
        trained_layers: how many layers train after the probe, counted from the top; None is everything.

    Example:
        >>> data = {"train_dataset": rows, "eval_dataset": validation_rows}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[LPFT()])
        >>> trainer.train().global_step
        16
    """

    name: ClassVar[str] = "lp_ft"
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.ROW_LOSS, Output.HEAD}))
    citation: ClassVar[str] = "Kumar et al. (2022), https://arxiv.org/abs/2202.10054"
    tries_all_layers: ClassVar[bool] = False

    trained_layers: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_values(
            trained_layers=(self.trained_layers is None or self.trained_layers >= 1, "1 or more, or null for all")
        )

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has the layers and poolings, and no adapter."""
        from nlp_transfer.models.families import check_layer_count

        super().check(model)
        check_layer_count("lp_ft.trained_layers", self.trained_layers or 0, model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Fit the probe, write it into the model's head, and free every weight but those that only pass it on."""
        from nlp_transfer.models.families import encoder_layers, train_only, train_top_layers
        from nlp_transfer.models.heads.pooling import folded_modules

        folded = folded_modules(model, self.fit(model, context))
        if self.trained_layers is None:
            train_only(model, [model])
        else:
            whole = [layer for layer in encoder_layers(model) if not any(layer is module for module in folded)]
            train_top_layers(model, whole[-self.trained_layers :])
        for module in folded:
            module.requires_grad_(False)
        return model
