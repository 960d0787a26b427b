"""Frozen encoder: fit a linear classifier on one layer of an encoder that stays as it is.

Layer, pooling and penalty are chosen on validation, from one encoding of the texts (`probing.py`). The result is a
plain model of the same family without the layers above the chosen one, which makes it faster. Middle layers are often
best, since the last ones are shaped by pretraining.
Reference: Tenney et al. (2019), https://arxiv.org/abs/1905.05950
"""

from dataclasses import dataclass
from typing import ClassVar, final

from nlp_transfer.methods.base import Needs
from nlp_transfer.methods.probing import LinearProbing
from nlp_transfer.models.outputs import Output


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
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.ROW_LOSS, Output.HEAD}))
    citation: ClassVar[str] = "Tenney et al. (2019), https://arxiv.org/abs/1905.05950"
    trains: ClassVar[bool] = False
