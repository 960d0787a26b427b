"""Classify documents of any length: an encoder's classifier reads windows, and their logits are pooled.

    windows -> encoder and head -> logits of each window -> one row of logits a document

    mean:            Σ n_w z_w / Σ n_w,  n_w the number of tokens that window w counts
    first_and_mean:  half of that, and half of z_1: titles and grants stand at the beginning
    max:             the largest logit of each class
    top_k:           the mean of the `TOP_K` largest logits of each class

The weights are those of the family's own classifier, so a saved folder stays a plain transformers folder. Windows go
through the network in parts of `tokens_at_once`. Several parts are computed again in the backward pass
(models/speed/recomputation.py), so that memory does not grow with the document.
Reference: Pappagari et al. (2019), https://arxiv.org/abs/1910.10781; Chen et al. (2016), https://arxiv.org/abs/1604.06174
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers.modeling_outputs import SequenceClassifierOutput

from nlp_transfer.models.heads.pooling import pooled_and_logits
from nlp_transfer.models.speed.batching import default_batch_tokens, token_budget_batches
from nlp_transfer.models.speed.recomputation import recomputed

TOP_K = 3

MEANS = ("mean", "first_and_mean")
"""Poolings by fixed weights, which pool features as they pool logits."""


@dataclass
class DocumentOutput(SequenceClassifierOutput):
    """The loss, the logits of documents, (batch, classes), and on request their pooled features, (batch, hidden)."""

    pooled: Tensor | None = None


def pool(values: Tensor, documents: Tensor, counts: Tensor, pooling: str, size: int) -> Tensor:
    """Return one row a document of one row a window.

    Args:
        values: shape (windows, columns).
        documents: number of each window's document, shape (windows,); each of `size` documents has a window.
        counts: number of tokens that each window counts, shape (windows,).

    Example:
        >>> logits, documents = torch.tensor([[1.0], [4.0], [5.0]]), torch.tensor([0, 0, 1])
        >>> pool(logits, documents, torch.tensor([20, 10, 7]), "mean", 2)
        tensor([[2.],
                [5.]])
    """
    if pooling in MEANS:
        shares = values * window_weights(documents, counts, pooling).to(values)[:, None]
        return values.new_zeros(size, values.shape[1]).index_add(0, documents, shares)
    return _mean_of_largest(values, documents, size, most_windows(pooling))


def most_windows(pooling: str) -> int:
    """Return the number of windows of a document that `max` or `top_k` take for each class."""
    return 1 if pooling == "max" else TOP_K


def _mean_of_largest(values: Tensor, documents: Tensor, size: int, most: int) -> Tensor:
    """Return the mean of the `most` largest values of each document and column, or of all where there are fewer."""
    count, columns = values.shape
    of = documents[:, None].expand(-1, columns)
    places = torch.arange(count, device=values.device)[:, None].expand(-1, columns)
    nothing = values.new_zeros(1, columns)  # row `count`, for documents whose windows are all taken
    left, extended = torch.cat([values.detach(), nothing]), torch.cat([values, nothing])
    taken = []
    for _ in range(most):
        rest = left[:-1]
        highest = rest.new_full((size, columns), -torch.inf).scatter_reduce(0, of, rest, "amax")
        found = ((rest == highest[documents]) & (rest > -torch.inf)) | rest.isnan()
        first = places.new_full((size, columns), count).scatter_reduce(0, of, places.where(found, count), "amin")
        left = left.scatter(0, first, -torch.inf)
        taken.append(extended.gather(0, first))
    windows = torch.bincount(documents, minlength=size).clamp(max=most)
    return torch.stack(taken).sum(dim=0) / windows[:, None]


def window_weights(documents: Tensor, counts: Tensor, pooling: str) -> Tensor:
    """Return the weight of each window in its document, float64, shape (windows,); see `pool`.

    Example:
        >>> window_weights(torch.tensor([0, 0, 1]), torch.tensor([20, 60, 7]), "first_and_mean")
        tensor([0.6250, 0.3750, 1.0000], dtype=torch.float64)
    """
    tokens = counts.clamp(min=1).double()
    total = tokens.new_zeros(int(documents.max()) + 1).index_add(0, documents, tokens)
    mean = tokens / total[documents]
    if pooling == "mean":
        return mean
    places = torch.arange(len(mean), device=mean.device)
    starts = places.new_full((len(total),), len(mean)).scatter_reduce(0, documents, places, "amin")
    return (mean + torch.zeros_like(mean).index_fill(0, starts, 1.0)) / 2


def feature_pooling(model: Any) -> str:
    """Return how a model pools the features of windows: by the weights of its logits, or by their mean."""
    pooling = getattr(model, "window_pooling", "mean")
    return pooling if pooling in MEANS else "mean"


@dataclass(frozen=True)
class WindowLogits:
    """Logits of the windows of documents, shape (windows, classes), and for each document the tokens that they count.

    Example:
        >>> WindowLogits(np.array([[1.0], [4.0]], np.float32), [np.array([20, 10])]).deciding(0, "mean")
        [(0, 0.666..., 0.0), (1, 0.333..., 0.0)]
    """

    logits: np.ndarray
    counts: Sequence[np.ndarray]

    def pooled(self, pooling: str) -> np.ndarray:
        """Return the logits of each document, shape (documents, classes)."""
        documents = np.repeat(np.arange(len(self.counts)), [len(counts) for counts in self.counts])
        logits, of, counts = (torch.from_numpy(part) for part in (self.logits, documents, np.concatenate(self.counts)))
        return pool(logits, of, counts, pooling, len(self.counts)).numpy()

    def of(self, document: int) -> "WindowLogits":
        """Return those of one document."""
        start = sum(len(counts) for counts in self.counts[:document])
        return WindowLogits(self.logits[start : start + len(self.counts[document])], [self.counts[document]])

    def deciding(self, place: int, pooling: str, *, multi_label: bool = False) -> list[tuple[int, float, float]]:
        """Return (window, weight, contribution) of one document for a class, the largest contribution first.

        The weight is the share of the window's logit in the document's, and the contribution its product with the
        class's lead over the mean of the classes, or with the logit of one of several labels. Windows without weight
        are left out.
        """
        logits = self.logits[:, place]
        if pooling in MEANS:
            counts = torch.from_numpy(self.counts[0])
            weights = window_weights(torch.zeros_like(counts), counts, pooling).numpy()
        else:
            most = min(most_windows(pooling), len(logits))
            weights = np.zeros(len(logits))
            weights[np.argsort(-logits, kind="stable")[:most]] = 1 / most
        added = weights * (logits if multi_label else logits - self.logits.mean(axis=1))
        order = np.argsort(-added, kind="stable").tolist()
        return [(window, float(weights[window]), float(added[window])) for window in order if weights[window]]


class _DocumentClassifier:
    """Add reading documents of several windows to a family's classifier; see the module's docstring."""

    config: Any
    device: torch.device
    loss_function: Any
    parameters: Any
    window_pooling = "mean"
    tokens_at_once: int | None = None
    """Maximum number of tokens of a part; None takes the device's default."""

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        window_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        output_pooled: bool = False,
        **options: Any,
    ) -> Any:
        """Classify documents.

        Args:
            input_ids: the windows of each document, one after another, shape (batch, tokens).
            window_ids: the number of each token's window, 0 for padding, negative for context, shape (batch, tokens);
                None reads each row as one text.
            token_type_ids: the type of each token, shape (batch, tokens); None for a family without types.
            output_pooled: return the pooled features of the windows too.
        """
        if window_ids is None or input_ids is None:
            given = {"input_ids": input_ids, "attention_mask": attention_mask, "labels": labels, **options}
            given |= {} if token_type_ids is None else {"token_type_ids": token_type_ids}
            return super().forward(**given)  # type: ignore[misc]
        ids, documents, counts = split_windows(input_ids, window_ids)
        types = None
        if token_type_ids is not None:
            types = token_type_ids[window_ids != 0].split([len(window) for window in ids])
        most = self.tokens_at_once or default_batch_tokens(self.device)
        parts = token_budget_batches(list(map(len, ids)), most)
        padding = int(self.config.pad_token_id or 0)

        def read(part: int) -> tuple[Tensor, ...]:
            tokens, mask = padded([ids[window] for window in parts[part]], padding)
            more = {} if types is None else {"token_type_ids": padded([types[one] for one in parts[part]], 0)[0]}
            return self._read({"input_ids": tokens, "attention_mask": mask, **more}, output_pooled)

        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        if len(parts) > 1 and trained and torch.is_grad_enabled():
            outputs = recomputed(read, len(parts), trained, self.device)
        else:
            outputs = tuple(map(torch.cat, zip(*map(read, range(len(parts))), strict=True)))
        back = torch.tensor([window for part in parts for window in part], device=documents.device).argsort()
        poolings = (self.window_pooling, feature_pooling(self))
        logits, *pooled = (
            pool(rows[back], documents, counts, pooling, len(input_ids))
            for rows, pooling in zip(outputs, poolings, strict=False)
        )
        loss = None if labels is None else self.loss_function(labels, logits, self.config)
        return DocumentOutput(loss=loss, logits=logits, pooled=pooled[0] if pooled else None)

    def _read(self: Any, inputs: dict[str, Tensor], output_pooled: bool) -> tuple[Tensor, ...]:
        """Return the logits of windows and, if asked for, their features."""

        def compute() -> Tensor:
            return super(_DocumentClassifier, self).forward(**inputs).logits  # type: ignore[misc, no-any-return]

        if output_pooled:
            pooled, logits = pooled_and_logits(self, compute, inputs["attention_mask"])
            return logits, pooled
        logits = compute()
        return (logits.to(torch.promote_types(logits.dtype, torch.float32)),)


def split_windows(input_ids: Tensor, window_ids: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
    """Return the token ids of each window, and its document and number of counted tokens, shape (windows,) each."""
    real = window_ids != 0
    document = torch.arange(len(input_ids), device=input_ids.device)[:, None].expand_as(window_ids)[real]
    number = window_ids[real].abs()
    runs = torch.stack([document, number])
    (documents, _), places, lengths = torch.unique_consecutive(runs, dim=1, return_inverse=True, return_counts=True)
    counts = torch.zeros_like(lengths).index_add(0, places, (window_ids[real] > 0).to(lengths))
    return list(input_ids[real].split(lengths.tolist())), documents, counts


def padded(windows: Sequence[Tensor], padding: int) -> tuple[Tensor, Tensor]:
    """Return token ids and attention mask, shape (windows, tokens) each, padded at the end."""
    ids = pad_sequence(list(windows), batch_first=True, padding_value=padding)
    mask = pad_sequence([torch.ones_like(window) for window in windows], batch_first=True)
    return ids, mask


def read_windows(model: Any, pooling: str) -> None:
    """Let a transformers classifier read documents of several windows, in place."""
    family: Any = type(model)
    model.__class__ = _document_class(family)
    model.window_pooling = pooling


@lru_cache
def _document_class(family: Any) -> Any:
    # The family's own name goes into config.json, and tells transformers and this package what the network is.
    fields = {"__module__": family.__module__, "__doc__": family.__doc__}
    return type(family.__name__, (_DocumentClassifier, family), fields)


def reads_windows(model: Any) -> bool:
    """Return True if a network reads documents of several windows."""
    return isinstance(model, _DocumentClassifier)
