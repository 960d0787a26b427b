"""Frozen encoder: fit a linear classifier on one layer of an encoder that stays as it is.

Layer, pooling and penalty are chosen on validation, from one encoding of the texts (`probing.py`). The result is a
plain model of the same family without the layers above the chosen one, which makes it faster. Middle layers are often
best, since the last ones are shaped by pretraining.
Reference: Tenney et al. (2019), https://arxiv.org/abs/1905.05950
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.context import Context
from nlp_transfer.methods.probing import LinearProbing

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class FrozenEncoder(LinearProbing):
    """Choose a layer, a pooling and a penalty on validation; nothing else trains.

    Fields: see `LinearProbing`.

    Example:
        >>> data = {"train_dataset": rows, "eval_dataset": validation_rows}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[FrozenEncoder()])
        >>> trainer.train().global_step
        0
    """

    name: ClassVar[str] = "frozen_encoder"
    citation: ClassVar[str] = "Tenney et al. (2019), https://arxiv.org/abs/1905.05950"
    trains: ClassVar[bool] = False

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Encode, fit, choose, and write the choice into the model."""
        from nlp_transfer.models.families import final_linear

        self.fit(model, context)
        model.requires_grad_(False)
        final_linear(model)[1].requires_grad_(True)
        return model
