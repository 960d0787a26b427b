"""Prototypes: take the class whose mean features are nearest, on an encoder that stays as it is.

    logit of class c = cos(x, mean of the features of c's training rows)

Nothing is fitted, so one text a class is enough. The result is a plain model with a linear head.
Reference: Snell et al. (2017), https://arxiv.org/abs/1703.05175
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, final

from nlp_transfer.methods.probing import LinearProbing

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class Prototypes(LinearProbing):
    """Take the nearest class mean on a frozen encoder.

    Other fields: see `LinearProbing`.

    Args:
        layers: the layers to try, 1 is the lowest; None is the last one.
        pooling: the poolings to try; None is the mean over the tokens where the encoder's family can express it.

    Example:
        >>> data = {"train_dataset": rows, "eval_dataset": validation_rows}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[Prototypes()])
        >>> trainer.train().global_step
        0
    """

    name: ClassVar[str] = "prototypes"
    citation: ClassVar[str] = "Snell et al. (2017), https://arxiv.org/abs/1703.05175"
    trains: ClassVar[bool] = False
    tries_all_layers: ClassVar[bool] = False

    losses: list[Literal["task", "squared_hinge", "prototypes"]] = field(default_factory=lambda: ["prototypes"])

    def candidate_poolings(self, model: "PreTrainedModel") -> list[str]:
        """Return the poolings to try: where none are named, the first that the family can express."""
        return self.pooling or super().candidate_poolings(model)[:1]
