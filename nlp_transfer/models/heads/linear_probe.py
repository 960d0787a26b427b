"""Fit a linear classifier to its optimum on fixed features, with any loss or that of a linear SVM.

    min over W, b:   mean over rows of loss(W x + b, y)  +  l2 / (2 n) · ||W||²

on standardised features; n is the number of rows, so that l2 = 1 / C of scikit-learn's `LogisticRegression`. Solved by
L-BFGS in float64, rotated to the principal axes Q of the features (variances s), each divided by a bound on its
curvature (Böhning, 1992, https://doi.org/10.1007/BF00048682): W = (V · d) Qᵀ, d = (s / 4 + l2 / n)^(-1/2).
Of windows that are pooled by `max` or `top_k`, the loss is that of the pooled logits, which has kinks and several
minima. From the optimum of the mean, smoothed poolings are followed to ever lower `TEMPERATURES`, so that features that
differ by rounding give the same head.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from nlp_transfer.models.heads.window_features import Features, WindowFeatures, document_means

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits, labels) -> one loss a row, shape (rows,)."""

MIN_RELATIVE_DEVIATION = 1e-4
"""Relative variation below which a feature counts as constant; a standardised head would amplify its rounding."""

TEMPERATURES = (1.0, 0.3, 0.1, 0.03)
"""Temperatures of smoothed poolings, one after another."""

_STEPS = torch.linspace(-4, 4, 161, dtype=torch.float64)
"""Natural logarithms of the candidate scales."""


def fit_linear_heads(
    features: Features, labels: Tensor, loss: Loss, *, l2: Sequence[float], num_labels: int
) -> list[tuple[Tensor, Tensor]]:
    """Fit a classifier for each `l2`; each fit of rows starts at the solution of the next stronger penalty.

    Args:
        features: shape (rows, hidden), or those of the windows of each row.
        labels: what `loss` takes: (rows,) or (rows, classes).
        l2: strengths of the penalty on W, > 0; the bias is free.

    Returns:
        weight (num_labels, hidden) and bias (num_labels,), float32, for features as given, in the order of `l2`.
    """
    if len(features) == 0:
        raise ValueError("A linear head needs at least one row of features.")
    windows = features if isinstance(features, WindowFeatures) else None
    x = (features.values if isinstance(features, WindowFeatures) else features).to(torch.float64)
    if not torch.isfinite(x).all():
        raise ValueError("The features hold a value that is not finite; a linear head cannot be fitted to them.")
    mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0)
    varies = deviation > MIN_RELATIVE_DEVIATION * torch.maximum(deviation.max(), mean.abs())
    deviation = torch.where(varies, deviation, torch.full_like(deviation, torch.inf))
    x = (x - mean) / deviation
    y = labels.to(torch.float64) if labels.is_floating_point() else labels
    variance, axes = torch.linalg.eigh(x.T @ x / len(x))
    x = x @ axes
    rows = x if windows is None else document_means(replace(windows, values=x))
    head = x.new_zeros(num_labels, x.shape[1]), x.new_zeros(num_labels)
    heads: dict[float, tuple[Tensor, Tensor]] = {}
    for strength in sorted(set(l2), reverse=True):
        scale = (variance.clamp(min=0) / 4 + strength / len(y)).rsqrt()
        weight, bias = head = _minimise(rows, y, loss, strength, scale=scale, start=head)
        if windows is not None:
            for temperature in TEMPERATURES:
                pool = partial(windows.smoothed_pool, temperature=temperature)
                weight, bias = _minimise(x, y, loss, strength, scale=scale, start=(weight, bias), pool=pool)
        weight = weight @ axes.T / deviation
        heads[strength] = (weight.float(), (bias - weight @ mean).float())
    return [heads[strength] for strength in l2]


def _minimise(
    x: Tensor,
    y: Tensor,
    loss: Loss,
    l2: float,
    *,
    scale: Tensor,
    start: tuple[Tensor, Tensor],
    pool: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return weight and bias at the optimum, searched in weight / scale from `start`; `pool` makes logits of rows."""
    weight, bias = (start[0] / scale).requires_grad_(True), start[1].clone().requires_grad_(True)
    x = x * scale
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=500,
        tolerance_grad=1e-6,
        tolerance_change=1e-10,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        logits = x @ weight.T + bias
        value = loss(pool(logits) if pool else logits, y).mean()
        value = value + l2 / (2 * len(y)) * (weight * scale).square().sum()
        value.backward()
        return value

    optimizer.step(objective)
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise ValueError(f"The linear head did not converge: its loss became not finite (l2 = {l2}).")
    return weight.detach() * scale, bias.detach()


def prototype_head(features: Features, labels: Tensor, num_labels: int) -> tuple[Tensor, Tensor]:
    """Return the head of the nearest class mean by cosine, for features that are equally long.

    A class's weight is the mean of its features, divided by its length; of several labels a row, less that of the rows
    without the label. The bias is 0. A class without rows has a weight of 0.
    Reference: Snell et al. (2017), Prototypical networks, https://arxiv.org/abs/1703.05175

    Args:
        features: shape (rows, hidden), or those of the windows of each row.
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).

    Example:
        >>> prototype_head(torch.tensor([[3.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1]), 2)[0]
        tensor([[1., 0.],
                [0., 1.]])
    """
    truth, x = _one_hot(labels, num_labels), document_means(features).double()
    weight = functional.normalize(truth.T @ x)
    if labels.ndim == 2:
        weight = weight - functional.normalize((1 - truth).T @ x)
    return weight.float(), torch.zeros(num_labels, device=x.device)


def squared_hinge(labels: Tensor, num_labels: int) -> Loss:
    """Return the squared hinge loss of one class against the rest, as scikit-learn's balanced `LinearSVC`.

        sum over classes of  w · max(0, 1 - m)²,    m = logit for the row's classes, -logit for others

    Of n rows and K classes, one of which a row has, a row of a class with n_k rows weighs n / (K n_k) in that class's
    term and 1 in the others. A row with any number of labels weighs n / (2 n_k) in the terms of its labels, and
    n / (2 (n - n_k)) in the others.
    Reference: Fan et al. (2008), LIBLINEAR, https://jmlr.org/papers/v9/fan08a.html

    Args:
        labels: of the training rows: (rows,) class ids, or (rows, classes) zeros and ones.
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
    """Return the factor of maximum likelihood on logits, which are margins, from e^-4 to e^4."""
    x = logits.double()
    if labels.ndim == 1:
        losses = [functional.cross_entropy(x * step.exp(), labels) for step in _STEPS]
    else:
        losses = [functional.binary_cross_entropy_with_logits(x * step.exp(), labels.double()) for step in _STEPS]
    return float(_STEPS[torch.stack(losses).argmin()].exp())


def _one_hot(labels: Tensor, num_labels: int) -> Tensor:
    return functional.one_hot(labels, num_labels).double() if labels.ndim == 1 else labels.double()
