"""Baselines of classes with an order, beside the majority class and a linear SVM that knows no order.

`median` always predicts the median class of training, which has the least mean distance of all constants. `tfidf_ridge`
is a ridge regression of the class's number on TF-IDF of words and word pairs, rounded to a class; its penalty is chosen
by leave-one-out error.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nlp_transfer.tasks.classification.baselines import (
    Baseline,
    Predictor,
    chance,
    checked_labels,
    majority,
    tfidf_svm,
)
from nlp_transfer.tasks.reading.baselines import tfidf_ridge


def median(texts: Sequence[str], labels: np.ndarray) -> Predictor:
    """Predict the median class of training.

    Example:
        >>> median(["a", "b", "c"], np.array([0, 2, 3]))(["d"])
        array([2])
    """
    labels = checked_labels(texts, labels)
    answer = np.sort(labels)[(len(labels) - 1) // 2]
    return lambda unseen: np.full(len(unseen), answer)


def rounded_ridge(texts: Sequence[str], labels: np.ndarray) -> Predictor:
    """Fit a ridge regression of the class's number on TF-IDF, and round it to a class of training.

    Example:
        >>> texts = ["bad", "fair", "good"] * 4
        >>> rounded_ridge(texts, np.array([0, 1, 2] * 4))(["good", "bad"])
        array([2, 0])
    """
    labels = checked_labels(texts, labels)
    predict, most = tfidf_ridge(texts, labels[:, None].astype(float)), int(labels.max())
    return lambda unseen: predict(unseen)[:, 0].round().clip(0, most).astype(np.int64)


BASELINES: Mapping[str, Baseline] = {
    "majority": majority,
    "median": median,
    "tfidf_svm": tfidf_svm,
    "tfidf_ridge": rounded_ridge,
    "chance": chance,
}
"""The baselines by name. One line a baseline."""
