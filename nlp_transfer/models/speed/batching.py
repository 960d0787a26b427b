"""Group rows of similar length into batches within a token budget."""

from collections.abc import Sequence

import torch

MAX_TOKENS, CPU_MAX_TOKENS = 8192, 2048
"""Default number of tokens of a batch, padding counted, on a GPU and on a CPU."""


def default_batch_tokens(device: torch.device) -> int:
    """Return the number of tokens that go through a network at once on a device."""
    return CPU_MAX_TOKENS if device.type == "cpu" else MAX_TOKENS


def token_budget_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Return batches of indices of rows of similar length, the longest first, so that a lack of memory shows at once.

    Args:
        max_tokens: maximum of rows x longest row; a longer row is a batch of its own.

    Example:
        >>> token_budget_batches([3, 1, 2, 9], max_tokens=6)
        [[3], [0, 2], [1]]
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens is {max_tokens}; a batch needs room for at least one token.")
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= max_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
