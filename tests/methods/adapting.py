"""Features of two domains, for the tests of methods that adapt."""

import torch
from torch import nn

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Shapes, Term


def side(pooled: torch.Tensor, classes: int = 3, **values: object) -> Features:
    """Features with fixed logits."""
    logits = torch.linspace(-1, 1, len(pooled) * classes).view(len(pooled), classes)
    return Features(pooled.clone().requires_grad_(), logits.clone().requires_grad_(), **values)  # type: ignore[arg-type]


def two_sides(rows: int = 6, hidden: int = 4, **values: object) -> tuple[Features, Features]:
    """Source and target features that differ in mean and spread."""
    torch.manual_seed(0)
    return side(torch.randn(rows, hidden), **values), side(2 * torch.randn(rows, hidden) + 1, **values)


def term_of(
    method: AlignmentMethod, source: Features, target: Features, progress: float = 0.5
) -> tuple[Term, nn.Module | None]:
    """The method's term and its network."""
    torch.manual_seed(1)
    sources = 1 if source.domains is None else int(source.domains.max()) + 1
    made = method.network(Shapes(source.pooled.shape[1], source.logits.shape[1], sources))
    network = made.module if made else None
    term = method.term(source, target, progress, network)
    assert term is not None
    return term, network
