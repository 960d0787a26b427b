"""Hold the features of the windows of documents, for a linear head whose logits of windows are pooled.

A mean of logits is the logits of a mean, so that its head reads one row a document. `max` and `top_k` take other
windows for other classes and heads, and need all of them.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from nlp_transfer.models.heads.document_pooling import most_windows, pool


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

    def smoothed_pool(self, logits: Tensor, temperature: float) -> Tensor:
        """Return pooled logits that have a derivative everywhere; near those of `pool` at a low temperature.

            max over weights w of   Σ_i w_i z_i - temperature Σ_i w_i log w_i,    0 <= w_i <= 1 / k,   Σ_i w_i = 1

        k is the number of windows that the pooling takes; of `max` this is the log of the sum of exponentials.
        """
        with torch.no_grad():
            weights = self._smoothed_weights(logits, temperature)
            entropy = torch.special.entr(weights) * temperature
        parts = weights * logits + entropy  # at the maximum the derivative by the weights is 0
        return logits.new_zeros(len(self), logits.shape[1]).index_add(0, self.documents, parts)

    def _smoothed_weights(self, logits: Tensor, temperature: float) -> Tensor:
        """Return the weights of `smoothed_pool`, shape (windows, classes): those of softmax, cut at 1 / k."""
        size, columns, of = len(self), logits.shape[1], self.documents[:, None].expand(-1, logits.shape[1])
        most = most_windows(self.pooling)
        cut = 1 / torch.bincount(self.documents).clamp(max=most).to(logits)[self.documents][:, None]
        full, weights = torch.zeros_like(logits, dtype=torch.bool), logits
        for _ in range(most):  # in each turn at least one of the weights that are too large is cut
            rest = logits.masked_fill(full, -torch.inf)
            highest = rest.new_full((size, columns), -torch.inf).scatter_reduce(0, of, rest, "amax")
            shares = ((logits - highest[self.documents]) / temperature).exp().masked_fill(full, 0)
            sums = logits.new_zeros(2, size, columns).index_add(1, self.documents, torch.stack([shares, full * cut]))
            factor = (1 - sums[1]).clamp(min=0) / sums[0].clamp(min=torch.finfo(logits.dtype).tiny)
            weights = torch.where(full, cut, shares * factor[self.documents])
            full = full | (weights > cut)
        return weights


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
