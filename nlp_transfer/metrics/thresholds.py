"""One decision threshold a label, the one that maximises the label's F1 on validation.

    F1(t) = 2 TP(t) / (positives + predicted(t))        a label is predicted where probability >= t

F1 changes only where t passes a score: one threshold between each two neighbouring scores tries all there are. Among
thresholds that score the same, the nearest to 0.5 is taken; 0.5 itself stays where it is among the best. A label
without a positive in validation tells nothing and keeps 0.5.

Maximising each label's F1 maximises their mean, macro-F1. On few positives the choice is noisy, and a label that the
model cannot tell is best predicted always, which the reference proves: look at per-class scores on test.
Reference: Lipton, Elkan & Naryanaswamy (2014), https://arxiv.org/abs/1402.1892
"""

from typing import Any

import numpy as np

DEFAULT_THRESHOLD = 0.5
"""The threshold of a label without validation scores."""


def tune_thresholds(probabilities: Any, references: Any) -> np.ndarray:
    """Return the threshold of every label; predict where `probabilities >= thresholds`.

    Args:
        probabilities: shape (rows, classes), from 0 to 1.
        references: zeros and ones, shape (rows, classes).

    Returns:
        Thresholds from 0 to 1, float64, shape (classes,).

    Raises:
        ValueError: shapes that differ, or probabilities that are not from 0 to 1 (NaN included).
    """
    scores, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(references)
    if scores.ndim != 2 or scores.shape != truth.shape:
        raise ValueError(
            f"Thresholds need probabilities and references of one shape (rows, classes); got {scores.shape} and "
            f"{truth.shape}."
        )
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
