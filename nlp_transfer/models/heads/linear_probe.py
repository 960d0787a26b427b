"""Fit a linear classifier to its optimum on fixed features.

    min over W, b:   mean over rows of loss(W x + b, y)  +  l2 / (2 n) · ||W||²

on standardised features (mean 0, deviation 1 a column); n is the number of rows, so that l2 = 1 / C of scikit-learn's
`LogisticRegression`. Solved by L-BFGS with a strong Wolfe line search in float64.

Features of an encoder are strongly correlated, which slows L-BFGS. The problem is therefore rotated to the principal
axes Q of the features (variances s), and each axis is divided by a bound on its curvature,

    W = (V · d) Qᵀ,    d = (s / 4 + l2 / n)^(-1/2),

which keeps the optimum (the bound: Böhning, 1992, https://doi.org/10.1007/BF00048682). The result is folded into W and
b for the original features.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Loss = Callable[[Tensor, Tensor], Tensor]

MIN_RELATIVE_DEVIATION = 1e-4
"""Relative variation below which a feature counts as constant; a standardised head would amplify its rounding."""


def fit_linear_heads(
    features: Tensor, labels: Tensor, loss: Loss, *, l2: Sequence[float], num_labels: int
) -> list[tuple[Tensor, Tensor]]:
    """Fit a classifier for each `l2`; each fit starts at the solution of the next stronger penalty.

    Args:
        features: shape (rows, hidden).
        labels: what `loss` takes: (rows,) or (rows, classes).
        loss: (logits, labels) -> one loss a row, shape (rows,).
        l2: strengths of the penalty on W, > 0; the bias is free.

    Returns:
        weight (num_labels, hidden) and bias (num_labels,), float32, for features as given, in the order of `l2`.

    Raises:
        ValueError: there is no row, or a feature or the loss is not finite.
    """
    if len(features) == 0:
        raise ValueError("A linear head needs at least one row of features.")
    x = features.to(torch.float64)
    if not torch.isfinite(x).all():
        raise ValueError("The features hold a value that is not finite; a linear head cannot be fitted to them.")
    mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0)
    varies = deviation > MIN_RELATIVE_DEVIATION * torch.maximum(deviation.max(), mean.abs())
    deviation = torch.where(varies, deviation, torch.full_like(deviation, torch.inf))
    x = (x - mean) / deviation
    y = labels.to(torch.float64) if labels.is_floating_point() else labels
    variance, axes = torch.linalg.eigh(x.T @ x / len(x))
    x = x @ axes
    weight = torch.zeros(num_labels, x.shape[1], dtype=torch.float64, device=x.device)
    bias = torch.zeros(num_labels, dtype=torch.float64, device=x.device)
    heads: dict[float, tuple[Tensor, Tensor]] = {}
    for strength in sorted(set(l2), reverse=True):
        scale = (variance.clamp(min=0) / 4 + strength / len(x)).rsqrt()
        weight, bias = _minimise(x, y, loss, strength, scale=scale, weight=weight, bias=bias)
        folded = weight @ axes.T / deviation
        heads[strength] = (folded.float(), (bias - folded @ mean).float())
    return [heads[strength] for strength in l2]


def _minimise(
    x: Tensor, y: Tensor, loss: Loss, l2: float, *, scale: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor]:
    """Return weight and bias at the optimum, searched in weight / scale from the given ones."""
    weight, bias = (weight / scale).requires_grad_(True), bias.clone().requires_grad_(True)
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
        value = loss(x @ weight.T + bias, y).mean() + l2 / (2 * len(x)) * (weight * scale).square().sum()
        value.backward()
        return value

    optimizer.step(objective)
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        raise ValueError(f"The linear head did not converge: its loss became not finite (l2 = {l2}).")
    return weight.detach() * scale, bias.detach()
