"""Hold the features of the windows of documents, for a linear head whose logits of windows are pooled.

A mean of logits is the logits of a mean, so that its head reads one row a document. `max` and `top_k` take other
windows for other classes and heads, and need all of them.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from nlp_transfer.models.heads.document_pooling import pool


@dataclass(frozen=True)
class WindowFeatures:
    """The features of the windows of documents; its length and its indices are of documents.

    Args:
        values: shape (windows, hidden).
        documents: number of each window's document, in order, shape (windows,).
        counts: number of tokens that each window counts, shape (windows,).
        pooling: of the logits; see `models/heads/document_pooling.py`.

    Example:
        >>> windows = WindowFeatures(torch.eye(3), torch.tensor([0, 0, 1]), torch.tensor([9, 9, 9]), "max")
        >>> len(windows), windows.pool(windows.values)
        (2, tensor([[1., 1., 0.],
                [0., 0., 1.]]))
    """

    values: Tensor
    documents: Tensor
    counts: Tensor
    pooling: str

    def __len__(self) -> int:
        return int(self.documents[-1]) + 1 if len(self.documents) else 0

    def __getitem__(self, documents: Tensor | slice) -> Self:
        """Return those of some documents, by a mask of shape (documents,) or a slice."""
        chosen = torch.zeros(len(self), dtype=torch.bool, device=self.documents.device)
        chosen[documents] = True
        windows = chosen[self.documents]
        numbers = chosen.cumsum(0)[self.documents[windows]] - 1
        return replace(self, values=self.values[windows], documents=numbers, counts=self.counts[windows])

    def to(self, device: torch.device | str) -> Self:
        """Return them on a device."""
        parts = {name: getattr(self, name).to(device) for name in ("values", "documents", "counts")}
        return replace(self, **parts)

    def pool(self, logits: Tensor, pooling: str | None = None) -> Tensor:
        """Return the logits of documents, shape (documents, classes), of those of windows, (windows, classes)."""
        return pool(logits, self.documents, self.counts, pooling or self.pooling, len(self))


Features = Tensor | WindowFeatures
"""One row a document, shape (documents, hidden), or the features of its windows."""


def document_means(features: Features) -> Tensor:
    """Return one row a document, shape (documents, hidden): the mean of its windows' features."""
    return features.pool(features.values, "mean") if isinstance(features, WindowFeatures) else features


def apply_head(features: Features, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the logits of documents, shape (documents, classes).

    Args:
        weight: shape (classes, hidden).
        bias: shape (classes,).
    """
    if isinstance(features, WindowFeatures):
        return features.pool(features.values @ weight.T + bias)
    return features @ weight.T + bias
