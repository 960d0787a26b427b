"""Compute the squared hinge loss of a linear SVM, one class against the rest, for heads on frozen features.

    sum over classes of  w · max(0, 1 - m)²,    m = logit for the row's classes, -logit for others

The weights w balance the classes; see `squared_hinge`. Margins are no probabilities: a scale for them is fitted on
validation.
Reference: Fan et al. (2008), LIBLINEAR, https://jmlr.org/papers/v9/fan08a.html
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

_STEPS = torch.linspace(-4, 4, 161, dtype=torch.float64)
"""Natural logarithms of the candidate scales."""


def squared_hinge(labels: Tensor, num_labels: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss with class weights of the training labels, as scikit-learn's `LinearSVC` with balanced classes.

    Of n rows and K classes, one of which a row has, a row of a class with n_k rows weighs n / (K n_k) in that class's
    term and 1 in the others. A row with any number of labels weighs n / (2 n_k) in the terms of its labels, and
    n / (2 (n - n_k)) in the others.

    Args:
        labels: of the training rows: (rows,) class ids, or (rows, classes) zeros and ones.

    Returns:
        (logits, labels) -> one loss a row, shape (rows,).
    """
    truth = _one_hot(labels, num_labels)
    counts = truth.sum(dim=0).clamp(min=1)
    if labels.ndim == 1:
        having, lacking = len(truth) / (num_labels * counts), torch.ones_like(counts)
    else:
        having, lacking = len(truth) / (2 * counts), len(truth) / (2 * (len(truth) - counts).clamp(min=1))

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        has = _one_hot(labels, num_labels).to(logits)
        missed = (1 - (2 * has - 1) * logits).clamp(min=0).square()
        return (missed * torch.where(has > 0, having.to(logits), lacking.to(logits))).sum(dim=1)

    return loss


def fit_scale(logits: Tensor, labels: Tensor) -> float:
    """Return the factor on logits, (rows, classes), of maximum likelihood, from e^-4 to e^4."""
    x = logits.double()
    if labels.ndim == 1:
        losses = [functional.cross_entropy(x * step.exp(), labels) for step in _STEPS]
    else:
        losses = [functional.binary_cross_entropy_with_logits(x * step.exp(), labels.double()) for step in _STEPS]
    return float(_STEPS[torch.stack(losses).argmin()].exp())


def _one_hot(labels: Tensor, num_labels: int) -> Tensor:
    return functional.one_hot(labels, num_labels).double() if labels.ndim == 1 else labels.double()
