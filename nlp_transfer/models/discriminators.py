"""Domain discriminators, and the layer that trains the encoder against them.

Gradient reversal is the identity forward, and turns the gradient around on its way back:

    R(x) = x,    dR/dx = -strength · I

so that one step of gradient descent makes the discriminator better and the features harder to tell apart.
Reference: Ganin et al. (2016), https://arxiv.org/abs/1505.07818
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MAX_PRODUCTS = 4096
"""Width up to which the product of features and class probabilities is taken whole, as CDAN's authors have it."""

RANDOM_PRODUCTS = 1024
"""Width of the random projections in its place."""


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:  # type: ignore[override]
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.strength * gradient, None


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Return the same features; what flows back through them is multiplied by -strength."""
    reversed_: Tensor = _Reversal.apply(features, strength)
    return reversed_


def reversal_strength(progress: float, gamma: float) -> float:
    """Return the strength of the reversed gradient, growing from 0 to 1 over a run.

        2 / (1 + exp(-gamma · progress)) - 1

    >>> reversal_strength(0.0, 10.0), round(reversal_strength(0.1, 10.0), 4), round(reversal_strength(1.0, 10.0), 4)
    (0.0, 0.4621, 0.9999)
    """
    return math.tanh(gamma * progress / 2)


class Discriminator(nn.Module):
    """Tell domains apart by two hidden layers; with one source, one logit a row, positive for the target.

    Of several sources it has a logit for each of them, and a last one for the target.

    Args:
        width: of the features.
        hidden: of its own layers.
        sources: how many source domains there are.
    """

    def __init__(self, width: int, hidden: int, sources: int = 1) -> None:
        super().__init__()
        outputs = 1 if sources == 1 else sources + 1
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return logits, shape (batch,) or (batch, domains), of features, shape (batch, width)."""
        logits: Tensor = self.layers(features).squeeze(-1)
        return logits


class ConditionalDiscriminator(nn.Module):
    """Tell domains apart by the outer product of features and predicted classes.

    Where that is wider than `MAX_PRODUCTS`, random projections of both, multiplied one by one, take its place; their
    expected scalar products are those of the outer products.
    Reference: Long et al. (2018), https://arxiv.org/abs/1705.10667

    Args:
        width: of the features.
        classes: how many.
        hidden: of the discriminator's layers.
        sources: how many source domains there are.
    """

    of_features: Tensor
    of_classes: Tensor

    def __init__(self, width: int, classes: int, hidden: int, sources: int = 1) -> None:
        super().__init__()
        self.projected = width * classes > MAX_PRODUCTS
        if self.projected:
            self.register_buffer("of_features", torch.randn(width, RANDOM_PRODUCTS))
            self.register_buffer("of_classes", torch.randn(classes, RANDOM_PRODUCTS))
        self.discriminator = Discriminator(RANDOM_PRODUCTS if self.projected else width * classes, hidden, sources)

    def forward(self, features: Tensor, probabilities: Tensor) -> Tensor:
        """Return logits of features, (batch, width), and class probabilities, (batch, classes)."""
        if self.projected:
            product = (features @ self.of_features) * (probabilities @ self.of_classes) / math.sqrt(RANDOM_PRODUCTS)
        else:
            product = (probabilities.unsqueeze(2) * features.unsqueeze(1)).flatten(1)
        logits: Tensor = self.discriminator(product)
        return logits


def domain_loss(
    source: Tensor, target: Tensor, source_weights: Tensor | None = None, target_weights: Tensor | None = None
) -> Tensor:
    """Return the binary cross-entropy of the domains, each of them half.

    Args:
        source: the discriminator's logits of source rows, shape (batch_s,).
        target: of target rows, shape (batch_t,).
        source_weights: of the source rows, any scale; None is all alike.
        target_weights: of the target rows.

    Returns:
        A scalar >= 0; log 2 where nothing is told apart.
    """
    losses = functional.softplus(source), functional.softplus(-target)
    means = [
        rows.mean() if weights is None else (rows * weights).sum() / weights.sum()
        for rows, weights in zip(losses, (source_weights, target_weights), strict=True)
    ]
    return (means[0] + means[1]) / 2


def domain_accuracy(source: Tensor, target: Tensor) -> float:
    """Return the discriminator's accuracy, as the mean over both domains; 0.5 is chance."""
    return ((source <= 0).float().mean() + (target > 0).float().mean()).item() / 2


def with_target(sources: Tensor, target: Tensor) -> Tensor:
    """Return the domain ids of source rows and of the target rows after them, which have the last one.

    Args:
        sources: which source each row is from, counted from 0.
        target: the discriminator's logits of target rows, shape (batch_t, domains).
    """
    return torch.cat([sources, sources.new_full((len(target),), target.shape[1] - 1)])


def domains_loss(logits: Tensor, domains: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of several domains; those that have rows here count the same.

    Args:
        logits: shape (batch, domains).
        domains: which one each row is from, shape (batch,).
        weights: of the rows, any scale; None is all alike.

    Returns:
        A scalar >= 0; log of the number of domains where nothing is told apart.
    """
    losses = functional.cross_entropy(logits, domains, reduction="none")
    weights = torch.ones_like(losses) if weights is None else weights
    means = []
    for domain in range(logits.shape[1]):
        own = domains == domain
        if bool(own.any()):
            means.append((losses * weights)[own].sum() / weights[own].sum())
    return torch.stack(means).mean()


def domains_accuracy(logits: Tensor, domains: Tensor) -> float:
    """Return the discriminator's accuracy, as the mean over the domains that have rows here."""
    right = (logits.argmax(dim=-1) == domains).float()
    return float(torch.stack([right[domains == domain].mean() for domain in domains.unique()]).mean())
