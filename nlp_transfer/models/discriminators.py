"""Discriminate domains, and train the encoder against that by gradient reversal.

Gradient reversal is the identity in the forward pass and negates the gradient:

    R(x) = x,    dR/dx = -strength · I

One step of gradient descent then improves the discriminator and makes the features harder to separate.
Reference: Ganin et al. (2016), https://arxiv.org/abs/1505.07818
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MAX_PRODUCTS = 4096
"""Maximum width of the exact product of features and class probabilities, the value of CDAN's authors."""

RANDOM_PRODUCTS = 1024
"""Width of the random projections that replace a wider product."""


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:  # type: ignore[override]
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return -ctx.strength * gradient, None


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Return the features unchanged; their gradient is multiplied by -strength.

    Example:
        >>> x = torch.ones(1, requires_grad=True)
        >>> reverse_gradient(x, 0.5).sum().backward()
        >>> x.grad
        tensor([-0.5000])
    """
    return _Reversal.apply(features, strength)  # type: ignore[no-any-return]


def reversal_strength(progress: float, gamma: float) -> float:
    """Return the strength of the reversed gradient, 2 / (1 + exp(-gamma · progress)) - 1, from 0 to 1 over a run.

    Example:
        >>> reversal_strength(0.0, 10.0), round(reversal_strength(0.1, 10.0), 4), round(reversal_strength(1.0, 10.0), 4)
        (0.0, 0.4621, 0.9999)
    """
    return math.tanh(gamma * progress / 2)


class Discriminator(nn.Module):
    """Classify domains by two hidden layers.

    One source: one logit a row, positive for the target. Several: one logit for each source, and a last for the target.
    """

    def __init__(self, width: int, hidden: int, sources: int = 1) -> None:
        super().__init__()
        outputs = 1 if sources == 1 else sources + 1
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return logits, shape (batch,) or (batch, domains), of features, shape (batch, width)."""
        return self.layers(features).squeeze(-1)  # type: ignore[no-any-return]


class ConditionalDiscriminator(nn.Module):
    """Classify domains by the outer product of features and class probabilities.

    A product wider than `MAX_PRODUCTS` is replaced by the element-wise product of random projections of both, whose
    expected scalar products are the same.
    Reference: Long et al. (2018), https://arxiv.org/abs/1705.10667
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
        return self.discriminator(product)  # type: ignore[no-any-return]


def domain_ids(sources: Tensor, target: Tensor) -> Tensor:
    """Return the domains of source rows, (batch_s,), and of target rows by their logits, (batch_t,) or (…, domains).

    Example:
        >>> domain_ids(torch.tensor([0, 1]), torch.zeros(2, 3))
        tensor([0, 1, 2, 2])
    """
    last = target.shape[1] - 1 if target.ndim == 2 else 1
    return torch.cat([sources, sources.new_full((len(target),), last)])


def domain_loss(logits: Tensor, domains: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of the domains, each domain in the batch with equal weight.

    Args:
        logits: shape (batch,), positive for the target, or (batch, domains).
        weights: of any scale; None weighs rows equally.

    Example:
        >>> domain_loss(torch.zeros(3), torch.tensor([0, 0, 1]))
        tensor(0.6931)
    """
    means = []
    for domain in domains.unique():
        own = domains == domain
        if logits.ndim == 1:
            losses = functional.softplus(-logits[own] if domain else logits[own])
        else:
            losses = functional.cross_entropy(logits[own], domains[own], reduction="none")
        means.append(losses.mean() if weights is None else (losses * weights[own]).sum() / weights[own].sum())
    return torch.stack(means).mean()


def domain_accuracy(logits: Tensor, domains: Tensor) -> float:
    """Return the discriminator's accuracy, averaged over the domains in the batch.

    Example:
        >>> domain_accuracy(torch.tensor([-1.0, -2.0, 1.0, -1.0]), torch.tensor([0, 0, 1, 1]))
        0.75
    """
    right = ((logits > 0 if logits.ndim == 1 else logits.argmax(dim=-1)) == domains).float()
    return float(torch.stack([right[domains == domain].mean() for domain in domains.unique()]).mean())
