"""Frozen encoder: fit a linear classifier on one layer of an encoder that stays as it is.

Layer, pooling and penalty are chosen on validation, from one encoding of the texts (`probing.py`). The result is a
plain model of the same family without the layers above the chosen one, which makes it faster. Middle layers are often
best, since the last ones are shaped by pretraining.
Needs a task with class logits.
Reference: Tenney et al. (2019), https://arxiv.org/abs/1905.05950
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, final

from nlp_transfer.methods.base import Change, Method, Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.probing import PENALTIES, Probe
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


@final
@dataclass(frozen=True)
class FrozenEncoder(Method):
    """Choose a layer, a pooling and a penalty on validation; nothing else trains.

    Args:
        layers: the layers to try, 1 is the lowest; None is all.
        pooling: the poolings to try, `mean` over the tokens and `cls`, the first token; None is all that the encoder's
            family can express.
        l2: the penalties to try (1 / C of scikit-learn's logistic regression).
        losses: the losses to fit heads by: `task`, the task's own, and `squared_hinge`, that of a linear SVM, which
            tends to do better with few texts a class.
    """

    name: ClassVar[str] = "frozen_encoder"
    citation: ClassVar[str] = "Tenney et al. (2019), https://arxiv.org/abs/1905.05950"
    needs: ClassVar[Needs] = Needs(outputs=frozenset({Output.LOGITS, Output.ROW_LOSS}))
    changes: ClassVar[frozenset[Change]] = frozenset({Change.TRAINABLE_WEIGHTS})
    trains: ClassVar[bool] = False

    layers: list[int] | None = None
    pooling: list[str] | None = None
    l2: list[float] = field(default_factory=lambda: list(PENALTIES))
    losses: list[Literal["task", "squared_hinge"]] = field(default_factory=lambda: ["task"])

    def __post_init__(self) -> None:
        """Check the values."""
        self._probe()

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has the layers and poolings, and no adapter."""
        self._probe().check(model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Encode, fit, choose, and write the choice into the model.

        Raises:
            ConfigError: there are no validation rows.
        """
        from nlp_transfer.models.families import final_linear

        context.facts[self.name] = self._probe().fit(model, context)
        model.requires_grad_(False)
        final_linear(model)[1].requires_grad_(True)
        return model

    def _probe(self) -> Probe:
        return Probe(self.name, self.layers, self.pooling, self.l2, [*self.losses])
