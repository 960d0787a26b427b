"""Fit linear probes on the layers of a frozen encoder, by cross-validation."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.models.heads.linear_probe import fit_linear_heads
from nlp_transfer.tasks.base import FittedTask
from nlp_transfer.tasks.classification.losses import multi_label_loss, single_label_loss

FOLDS = 5

L2 = (1.0, 10.0, 100.0, 1000.0)
"""Penalties of the linear probes."""


@dataclass(frozen=True)
class Probe:
    """Hold a linear classifier on one layer.

    Args:
        probabilities: for each row by a classifier that has not seen it or its near-duplicates, shape (rows, classes).
        macro_f1: of these.
        loss: mean cross-entropy of these.
        head: weight and bias of the classifier on all rows.
        l2: the penalty, which has the lowest loss on rows that are held out.
    """

    probabilities: np.ndarray
    macro_f1: float
    loss: float
    head: tuple[torch.Tensor, torch.Tensor]
    l2: float

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return the logits of other rows by the classifier on all rows, shape (rows, classes)."""
        weight, bias = self.head
        return (torch.from_numpy(features) @ weight.T + bias).numpy()


def best_layer(probes: Mapping[int, Probe]) -> int:
    """Return the layer whose probe has the lowest loss on rows that it has not seen."""
    return min(probes, key=lambda layer: probes[layer].loss)


def stratified_folds(labels: np.ndarray, groups: np.ndarray, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (training rows, other rows) of each fold; near-duplicates are in one fold."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    largest = int(np.bincount(labels).max() if labels.ndim == 1 else labels.sum(axis=0).max())
    count = min(FOLDS, len(np.unique(groups)), largest)
    if count < 2:
        raise DataError(
            f"The {len(labels)} labelled rows are all near-duplicates of one another, or each of another class: "
            "none can be judged by the others. Give more rows."
        )
    splitter: Any = (
        StratifiedGroupKFold(count, shuffle=True, random_state=seed) if labels.ndim == 1 else GroupKFold(count)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")
        return list(splitter.split(np.zeros(len(labels)), labels, groups))


def fit_probe(
    features: np.ndarray, labels: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]], task: FittedTask
) -> Probe:
    """Fit a probe in each fold and on all rows, by the penalty with the lowest loss on rows that are held out.

    Classes have no weights, whatever the task gives them, so that probabilities are those of the corpus.
    """
    loss = multi_label_loss if task.multi_label else single_label_loss
    x, y = torch.from_numpy(features), _tensor(labels)
    logits = held_out_logits(features, labels, folds, task, L2)
    losses = [float(loss(made, y).mean()) for made in logits]
    best = int(np.argmin(losses))
    (head,) = fit_linear_heads(x, y, loss, l2=[L2[best]], num_labels=len(task.label_names))
    probabilities = task.probabilities(logits[best].numpy())
    predicted = decide(probabilities, multi_label=task.multi_label)
    scores = classification_metrics(predicted, labels, task.label_names, multi_label=task.multi_label)
    return Probe(probabilities, float(scores["macro_f1"]), losses[best], head, L2[best])


def held_out_logits(
    features: np.ndarray,
    labels: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    task: FittedTask,
    penalties: Sequence[float],
) -> torch.Tensor:
    """Return the logits of each row by a probe that has not seen it, shape (penalties, rows, classes)."""
    loss = multi_label_loss if task.multi_label else single_label_loss
    x, y, classes = torch.from_numpy(features), _tensor(labels), len(task.label_names)
    logits = torch.zeros(len(penalties), len(x), classes)
    for train, held in folds:
        heads = fit_linear_heads(x[train], y[train], loss, l2=penalties, num_labels=classes)
        for place, (weight, bias) in enumerate(heads):
            logits[place, held] = x[held] @ weight.T + bias
    return logits


def decide(probabilities: np.ndarray, *, multi_label: bool) -> np.ndarray:
    """Return the most probable class, shape (rows,); of several labels a row, zeros and ones, split at 0.5.

    Example:
        >>> decide(np.array([[0.2, 0.8], [0.6, 0.4]]), multi_label=False)
        array([1, 0])
    """
    return (probabilities >= 0.5).astype(int) if multi_label else probabilities.argmax(axis=1)


def _tensor(labels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(labels.astype(np.float32) if labels.ndim == 2 else labels)
