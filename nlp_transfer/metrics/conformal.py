"""Make sets of classes that hold the true one with a chosen probability, by split conformal prediction.

    s_i = 1 - p_i(y_i)    q = the ceil((n + 1) * coverage)-th smallest s    set(x) = {k : 1 - p_k(x) <= q}

With `per_class` each class has its own q, from its own rows: the promise then holds for each class, also for a rare
one. Both hold for rows that are exchangeable with the calibration rows, and on another domain not at all. Of several
labels a text, each true label is a row of its own.
Reference: Vovk et al. (2005), Algorithmic Learning in a Random World; Angelopoulos & Bates (2023),
https://arxiv.org/abs/2107.07511
"""

import math

import numpy as np


def rows_needed(coverage: float) -> int:
    """Return the minimum number of calibration rows for which a set may leave out a class.

    Example:
        >>> rows_needed(0.9), rows_needed(0.95)
        (9, 19)
    """
    return math.ceil(round(1 / (1 - coverage) - 1, 9))


def set_levels(probabilities: np.ndarray, labels: np.ndarray, coverage: float, *, per_class: bool) -> np.ndarray:
    """Return the probability from which each class is in a set, shape (classes,); 0 where rows are too few.

    Args:
        probabilities: of calibration rows, shape (rows, classes).
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).

    Example:
        >>> p = np.linspace(0.05, 0.95, 19)
        >>> set_levels(np.stack([p, 1 - p], axis=1), np.zeros(19, int), 0.9, per_class=False).round(2)
        array([0.1, 0.1])
    """
    classes = probabilities.shape[1]
    true = labels == 1 if labels.ndim == 2 else labels[:, None] == np.arange(classes)
    if per_class:
        return np.array([_level(probabilities[true[:, k], k], coverage) for k in range(classes)])
    return np.full(classes, _level(probabilities[true], coverage))


def _level(of_truth: np.ndarray, coverage: float) -> float:
    """Return the level that the probabilities of true classes reach with `coverage`; 0 where they are too few."""
    rank = math.ceil(round((len(of_truth) + 1) * coverage, 9))
    return float(np.sort(of_truth)[::-1][rank - 1]) if rank <= len(of_truth) else 0.0
