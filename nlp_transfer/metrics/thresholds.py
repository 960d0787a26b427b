"""Tune one decision threshold for each label, to maximise the label's F1 on validation.

    F1(t) = 2 TP(t) / (positives + predicted(t))        a label is predicted where probability >= t

Among equally good thresholds the nearest to 0.5 is taken. A label without a positive in validation keeps 0.5.
Reference: Lipton, Elkan & Naryanaswamy (2014), https://arxiv.org/abs/1402.1892
"""

from typing import Any

import numpy as np

DEFAULT_THRESHOLD = 0.5
"""Decision threshold of a label without validation scores."""


def tune_thresholds(probabilities: Any, references: Any) -> np.ndarray:
    """Return the threshold of every label, float64, shape (classes,); predict where probabilities >= thresholds.

    Args:
        probabilities: shape (rows, classes), from 0 to 1.
        references: zeros and ones, shape (rows, classes).

    Example:
        >>> tune_thresholds([[0.2], [0.4], [0.1]], [[1], [1], [0]]).round(2)
        array([0.15])
    """
    scores, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(references)
    if scores.ndim != 2 or scores.shape != truth.shape:
        raise ValueError(f"Probabilities and references need one shape; got {scores.shape} and {truth.shape}.")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("Thresholds need probabilities from 0 to 1; got others (logits, or NaN).")
    rows, classes = scores.shape
    if rows == 0:
        return np.full(classes, DEFAULT_THRESHOLD)

    positive = truth.astype(bool)
    order = np.argsort(-scores, axis=0, kind="stable")
    upper = np.take_along_axis(scores, order, axis=0)
    lower = np.vstack([upper[1:], np.zeros((1, classes))])
    hits = np.cumsum(np.take_along_axis(positive, order, axis=0), axis=0)
    # Row i cuts between the scores i and i + 1: i + 1 rows are predicted. Equal scores cannot be cut apart; the last
    # cut, below all scores, always can.
    f1 = 2 * hits / (np.arange(1, rows + 1)[:, None] + positive.sum(axis=0))
    f1[:-1][upper[:-1] == lower[:-1]] = -1.0
    middle = (upper + lower) / 2
    cuts = np.where(middle > lower, middle, upper)  # neighbouring floats have no middle

    predicted = scores >= DEFAULT_THRESHOLD
    at_default = 2 * (predicted & positive).sum(axis=0) / np.maximum(predicted.sum(axis=0) + positive.sum(axis=0), 1)
    cuts = np.vstack([cuts, np.full((1, classes), DEFAULT_THRESHOLD)])
    f1 = np.vstack([f1, at_default])

    # Equal ratios of whole numbers are equal floats, so that ties are exact.
    distance = np.where(f1 == f1.max(axis=0), np.abs(cuts - DEFAULT_THRESHOLD), np.inf)
    best = np.take_along_axis(cuts, distance.argmin(axis=0)[None], axis=0)[0]
    return np.where(positive.any(axis=0), best, DEFAULT_THRESHOLD)
