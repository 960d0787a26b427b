"""Weigh the classes of a loss: by hand, or so that all have the same total weight."""

from collections.abc import Mapping

import torch
from torch import Tensor

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.errors import ConfigError, did_you_mean


def class_weights(asked: str | Mapping[str, float] | None, corpus: Corpus) -> Tensor | None:
    """Return the weights that `SequenceClassification.class_weights` asks for, shape (classes,); None for none."""
    names = corpus.label_names
    if asked is None:
        return None
    if not isinstance(asked, str):
        unknown = [name for name in asked if name not in names]
        if unknown:
            raise ConfigError([f"task.class_weights: {did_you_mean('class', name, names)}" for name in unknown])
        return torch.tensor([float(asked.get(name, 1.0)) for name in names])
    train, counts = corpus.splits["train"], torch.zeros(len(names), dtype=torch.float64)
    for batch in train.select_columns([str(corpus.label_column)]).iter(batch_size=10_000):
        column = batch[corpus.label_column]
        ids = [label for row in column for label in row] if corpus.multi_label else column
        counts += torch.bincount(torch.tensor(ids, dtype=torch.long), minlength=len(names))
    return balanced_positive_weights(counts, len(train)) if corpus.multi_label else balanced_class_weights(counts)


def balanced_class_weights(counts: Tensor) -> Tensor:
    """Return weights n / (K n_c), with which every class has the same total weight; 0 for a class without rows.

    Args:
        counts: rows of each class, shape (classes,).

    Example:
        >>> balanced_class_weights(torch.tensor([1, 3]))
        tensor([2.0000, 0.6667])
    """
    weights = counts.sum() / (len(counts) * counts.clamp(min=1))
    return torch.where(counts > 0, weights, torch.zeros_like(weights)).float()


def balanced_positive_weights(positives: Tensor, rows: int) -> Tensor:
    """Return weights (n - n_c) / n_c, with which "yes" and "no" of a label weigh the same; 1 for a label without "yes".

    Args:
        positives: rows that have each label, shape (labels,).
        rows: n.

    Example:
        >>> balanced_positive_weights(torch.tensor([1, 2]), 4)
        tensor([3., 1.])
    """
    weights = (rows - positives) / positives.clamp(min=1)
    return torch.where(positives > 0, weights, torch.ones_like(weights)).float()
