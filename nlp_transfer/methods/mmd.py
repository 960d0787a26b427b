"""MMD: align the distributions of source and target features by the means of Gaussian kernels.

    MMD² = mean k(s, s') + mean k(t, t') - 2 mean k(s, t),    k(x, y) = mean_b exp(-||x - y||² / (b * m))
    L = L_S + weight * MMD²

m is the median squared distance between the rows of the step, and b runs over `bandwidths`. No row is paired with
itself, so that the estimate is unbiased, and may be negative.
Reference: Gretton et al. (2012), https://jmlr.org/papers/v13/gretton12a.html; many kernels for deep networks: Long et
al. (2015), https://arxiv.org/abs/1502.02791
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Term
from nlp_transfer.methods.base import Needs
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Kernels from a quarter of the median to four times of it."""


@final
@dataclass(frozen=True)
class MMD(AlignmentMethod):
    """Align distributions by kernel means. It joins a method that chooses the trainable weights.

    Args:
        weight: of the penalty.
        bandwidths: of the kernels, as multiples of the median squared distance.
    """

    name: ClassVar[str] = "mmd"
    citation: ClassVar[str] = (
        "Gretton et al. (2012), https://jmlr.org/papers/v13/gretton12a.html; many kernels for deep networks: "
        "Long et al. (2015), https://arxiv.org/abs/1502.02791"
    )
    needs: ClassVar[Needs] = Needs(target_text=True, pairs=True, outputs=frozenset({Output.POOLED}))

    weight: float = 1.0
    bandwidths: list[float] = field(default_factory=lambda: list(BANDWIDTHS))

    def __post_init__(self) -> None:
        multiples = bool(self.bandwidths) and all(0 < width < math.inf for width in self.bandwidths)
        self.check_values(bandwidths=(multiples, "multiples of the median, each more than 0"))

    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the MMD loss; None for a step with a single row. See `AlignmentMethod.term`."""
        if min(len(source.pooled), len(target.pooled)) < 2:
            return None
        return Term(mmd_loss(source.pooled, target.pooled, self.bandwidths), self.weight)


def mmd_loss(source: "Tensor", target: "Tensor", bandwidths: Sequence[float] = BANDWIDTHS) -> "Tensor":
    """Return the unbiased estimate of the squared maximum mean discrepancy of features, (batch, hidden).

    `bandwidths` are multiples of the median squared distance, which is a constant for the gradient.

    Example:
        >>> import torch
        >>> mmd_loss(torch.tensor([[0.0], [0.0]]), torch.tensor([[1.0], [1.0]]), bandwidths=[1.0])
        tensor(1.2642)
    """
    import torch

    if min(len(source), len(target)) < 2:
        raise ValueError(f"MMD got {len(source)} source and {len(target)} target rows; it needs two of each.")
    features = torch.cat([source, target])
    features = features - features.mean(dim=0).detach()  # what all rows share would cost digits
    squares = features.square().sum(1)
    distances = (squares[:, None] + squares[None] - 2 * features @ features.T).clamp(min=0)
    apart = torch.triu_indices(len(features), len(features), offset=1, device=features.device)
    median = distances.detach()[apart[0], apart[1]].median().clamp(min=torch.finfo(distances.dtype).tiny)
    kernel = torch.stack([(-distances / (width * median)).exp() for width in bandwidths]).mean(0)
    rows = len(source)
    return _within(kernel[:rows, :rows]) + _within(kernel[rows:, rows:]) - 2 * kernel[:rows, rows:].mean()


def _within(kernel: "Tensor") -> "Tensor":
    """Return the mean of a square matrix, shape (rows, rows), without its diagonal."""
    return (kernel.sum() - kernel.diagonal().sum()) / (len(kernel) * (len(kernel) - 1))
