"""Rank rows by how likely their labels are wrong, from probabilities of models that have not seen them.

The order is that of cleanlab: a label's own probability less the largest other one; the number of errors is that of
confident learning, which compares each probability with the mean one of the rows that have the label.
Reference: Northcutt et al. (2021), Confident learning, https://arxiv.org/abs/1911.00068
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelErrors:
    """Hold the rows, the most doubtful label first.

    Args:
        order: row numbers, shape (rows,).
        quality: of each row's label, from 0 to 1, shape (rows,).
        count: estimated number of wrong labels.
    """

    order: np.ndarray
    quality: np.ndarray
    count: int


def find_label_errors(labels: np.ndarray, probabilities: np.ndarray) -> LabelErrors:
    """Return the rows in the order in which to look at their labels.

    Args:
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        probabilities: of models that were trained without the row, shape (rows, classes).

    Example:
        >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.95, 0.05]])
        >>> find_label_errors(np.array([0, 0, 1, 1, 1]), probabilities).order[0]
        np.int64(4)
    """
    if labels.ndim == 2:
        from cleanlab.multilabel_classification import get_label_quality_scores
        from cleanlab.multilabel_classification.filter import find_label_issues

        lists = [np.flatnonzero(row).tolist() for row in labels]
        quality = get_label_quality_scores(lists, probabilities)
        wrong = find_label_issues(lists, probabilities, n_jobs=1)
    else:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores

        quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
        wrong = find_label_issues(labels, probabilities, n_jobs=1)
    return LabelErrors(np.argsort(quality, kind="stable"), quality, int(np.sum(wrong)))
