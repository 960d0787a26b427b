"""Deep CORAL: align the covariances of source and target features.

    L = L_S + weight * ||C_S - C_T||_F^2 / (4 d^2)

Reference: Sun & Saenko (2016), https://arxiv.org/abs/1607.01719
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Needs
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn


@final
@dataclass(frozen=True)
class CORAL(AlignmentMethod):
    """Align covariances. It joins a method that chooses the trainable weights.

    Args:
        weight: of the penalty. The factor 1 / 4d² makes it small: weights from 1 to 1000 are usual.
    """

    name: ClassVar[str] = "coral"
    citation: ClassVar[str] = "Sun & Saenko (2016), https://arxiv.org/abs/1607.01719"
    needs: ClassVar[Needs] = Needs(target_text=True, pairs=True, outputs=frozenset({Output.POOLED}))

    weight: float = 100.0

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the CORAL loss; None for a step with a single row. See `AlignmentMethod.term`."""
        if min(len(source.pooled), len(target.pooled)) < 2:
            return None
        return Term(coral_loss(source.pooled, target.pooled), self.weight)


def coral_loss(source: "Tensor", target: "Tensor") -> "Tensor":
    """Return the squared Frobenius distance of the covariances of features, (batch, hidden), divided by 4 d^2.

    Example:
        >>> import torch
        >>> coral_loss(torch.eye(2), torch.eye(2))
        tensor(0.)
    """
    if min(len(source), len(target)) < 2:
        raise ValueError(f"CORAL got {len(source)} source and {len(target)} target rows; it needs two of each.")
    apart = _covariance(source) - _covariance(target)
    return apart.square().sum() / (4 * source.shape[1] ** 2)


def _covariance(features: "Tensor") -> "Tensor":
    """Return the covariance matrix, shape (hidden, hidden), of features, shape (batch, hidden)."""
    centred = features - features.mean(dim=0)
    return centred.T @ centred / (len(features) - 1)
