"""Average networks of one architecture weight by weight, or interpolate between two of them.

    theta(alpha) = (1 - alpha) theta_pretrained + alpha theta_fine_tuned          WiSE-FT
    theta        = 1/k (theta_1 + … + theta_k)                                    a uniform soup

Networks fine-tuned from the same weights mostly lie in one basin of the loss, so that points between them are good too,
without a guarantee. Sums are made in float64.
References: Wortsman et al. (2022), https://arxiv.org/abs/2109.01903 (WiSE-FT), https://arxiv.org/abs/2203.05482 (soups)
"""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]
"""`state_dict` of a network."""


def interpolate(pretrained: Weights, fine_tuned: Weights, alpha: float, names: Collection[str]) -> dict[str, Tensor]:
    """Return the fine-tuned weights, with the named ones interpolated towards the pretrained ones.

    Args:
        pretrained: has all of `names`.
        alpha: 0 is pretrained, 1 fine-tuned; values outside are allowed.

    Example:
        >>> interpolate({"w": torch.zeros(2)}, {"w": torch.ones(2)}, 0.25, ["w"])
        {'w': tensor([0.2500, 0.2500])}
    """
    return {
        name: _weighted([(1 - alpha, pretrained[name]), (alpha, weight)]) if name in names else weight
        for name, weight in fine_tuned.items()
    }


def average(networks: Sequence[Weights]) -> dict[str, Tensor]:
    """Return the mean of each weight; integer tensors, such as indices, are the first network's.

    Example:
        >>> average([{"w": torch.zeros(2)}, {"w": torch.ones(2)}])
        {'w': tensor([0.5000, 0.5000])}
    """
    if different := [name for other in networks[1:] for name in shape_differences(networks[0], other)]:
        raise ValueError(f"Weights that are not all of one shape have no mean: {', '.join(different[:3])}.")
    share = 1 / len(networks)
    return {
        name: _weighted([(share, weights[name]) for weights in networks]) if weight.is_floating_point() else weight
        for name, weight in networks[0].items()
    }


def shape_differences(one: Weights, other: Weights) -> list[str]:
    """Return the names of weights that are missing from one network or differ in shape."""
    return [
        name
        for name in dict.fromkeys([*one, *other])
        if name not in one or name not in other or one[name].shape != other[name].shape
    ]


def _weighted(parts: Sequence[tuple[float, Tensor]]) -> Tensor:
    """Return the weighted sum of tensors, in the first one's number format."""
    first = parts[0][1]
    total = torch.zeros_like(first, dtype=torch.float64)
    for share, tensor in parts:
        total.add_(tensor.to(total), alpha=share)
    return total.to(first.dtype)
