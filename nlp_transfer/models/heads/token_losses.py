"""Losses of networks that learn from tokens, generated or tagged: a sum and a number for each row.

Their mean over all tokens of an update follows from these, however the update is divided into batches.
"""

import torch
from torch import Tensor
from torch.nn import functional


def loss_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the sum of the losses of each row's tokens, and their number, shape (rows, 2).

    Args:
        logits: shape (rows, tokens, classes).
        labels: class ids, shape (rows, at most as many tokens); negative for tokens that do not count.
    """
    logits = logits[:, : labels.shape[1]].to(torch.promote_types(logits.dtype, torch.float32))
    losses = functional.cross_entropy(logits.transpose(1, 2), labels.clamp(min=0), reduction="none")
    counted = (labels >= 0).to(losses)
    return torch.stack([(losses * counted).sum(dim=1), counted.sum(dim=1)], dim=1)


def row_losses(sums: Tensor, labels: Tensor | None = None) -> Tensor:
    """Return the loss of each row, shape (rows,), whose mean is the mean over all tokens of the batch.

    Args:
        sums: the sum of a row's losses of tokens and their number, shape (rows, 2).

    Example:
        >>> row_losses(torch.tensor([[6.0, 3.0], [2.0, 1.0]])).mean()
        tensor(2.)
    """
    losses, tokens = sums.unbind(dim=1)
    return losses * len(losses) / tokens.sum().clamp(min=1)
