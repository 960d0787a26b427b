"""Configure the intervals of predicted numbers, and fit them on rows that the model has not learned from.

    r_i = |y_i - p_i|    q = the ceil((n + 1) * coverage)-th smallest r    interval(x) = [p - q, p + q]

The promise of split conformal prediction: the true number is inside with a probability of at least `coverage`, for rows
that are exchangeable with the calibration rows, and on another domain not at all. Each of several numbers has its q.
Reference: Lei et al. (2018), Distribution-free predictive inference for regression, https://arxiv.org/abs/1604.04173
"""

import math
from dataclasses import dataclass

import numpy as np

from nlp_transfer.errors import CheckedArguments
from nlp_transfer.tasks.abstention import check_shares


@dataclass(frozen=True)
class IntervalSettings(CheckedArguments):
    """Settings of intervals around predicted numbers, fitted on source validation.

    Args:
        coverage: minimum probability with which the true number is inside, such as 0.9; null makes no intervals.

    Example:
        >>> IntervalSettings(coverage=0.9).coverage
        0.9
    """

    coverage: float | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check_shares("intervals", coverage=self.coverage)


@dataclass(frozen=True)
class NumberDecision(CheckedArguments):
    """Settings for what is made of predicted numbers.

    Args:
        intervals: give an interval that holds the true number with a chosen probability.

    Example:
        >>> NumberDecision(IntervalSettings(coverage=0.9)).intervals.coverage
        0.9
    """

    intervals: IntervalSettings = IntervalSettings()


def half_widths(predictions: np.ndarray, references: np.ndarray, coverage: float) -> np.ndarray:
    """Return half the width of the interval of each number, shape (numbers,); infinite where rows are too few.

    Args:
        predictions: of calibration rows, shape (rows, numbers), as the references.

    Example:
        >>> half_widths(np.zeros((9, 1)), np.arange(1.0, 10.0)[:, None], 0.9)
        array([9.])
    """
    rank = math.ceil(round((len(references) + 1) * coverage, 9))
    if rank > len(references):
        return np.full(references.shape[1], math.inf)
    return np.asarray(np.sort(np.abs(references - predictions), axis=0)[rank - 1])
