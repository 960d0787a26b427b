"""Choose from which confidence a prediction is accepted, so that the accepted ones are right with a chosen probability.

Of the levels that accept a tenth, two tenths … all of the calibration rows, the lowest is taken whose precision is at
least the promised one by the exact binomial bound of Clopper and Pearson. The bound is divided over the levels
(Bonferroni), since the best of ten would break the promise more often than one chosen beforehand.
Reference: Geifman & El-Yaniv (2017), https://arxiv.org/abs/1705.08500
"""

import math

import numpy as np

LEVELS = 10
"""Number of levels that are tried."""


def rows_needed(precision: float, confidence: float) -> int:
    """Return the minimum number of rows, all right, from which a precision can be promised.

    Example:
        >>> rows_needed(0.95, 0.95)
        104
    """
    return math.ceil(math.log((1 - confidence) / LEVELS) / math.log(precision))


def precision_bound(right: int, rows: int, confidence: float) -> float:
    """Return the lower Clopper-Pearson bound of a precision.

    Example:
        >>> round(precision_bound(100, 100, 0.95), 4)
        0.9705
    """
    from scipy.stats import beta

    return float(beta.ppf(1 - confidence, right, rows - right + 1)) if right else 0.0


def acceptance_level(confidences: np.ndarray, right: np.ndarray, precision: float, confidence: float) -> float | None:
    """Return the lowest confidence from which predictions can be accepted; None if no level keeps the promise.

    Args:
        confidences: of calibration rows, shape (rows,).
        right: whether each prediction is right, shape (rows,).
        precision: minimum share of right ones among the accepted.
        confidence: probability with which the promise is kept, over draws of the calibration rows.

    Example:
        >>> acceptance_level(np.linspace(0.01, 1, 400), np.arange(400) >= 80, 0.95, 0.95) <= 0.21
        True
    """
    if not len(confidences):
        return None
    order = np.sort(confidences)[::-1]
    accepted = None
    for share in range(1, LEVELS + 1):
        level = order[math.ceil(len(order) * share / LEVELS) - 1]
        taken = confidences >= level
        bound = precision_bound(int(right[taken].sum()), int(taken.sum()), 1 - (1 - confidence) / LEVELS)
        accepted = float(level) if bound >= precision else accepted
    return accepted
