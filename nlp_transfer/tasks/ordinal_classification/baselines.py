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
    vectorized,
)

PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Penalties of the ridge regression."""


def median(texts: Sequence[str], labels: np.ndarray) -> Predictor:
    """Predict the median class of training.

    Example:
        >>> median(["a", "b", "c"], np.array([0, 2, 3]))(["d"])
        array([2])
    """
    labels = checked_labels(texts, labels)
    answer = np.sort(labels)[(len(labels) - 1) // 2]
    return lambda unseen: np.full(len(unseen), answer)


def tfidf_ridge(texts: Sequence[str], labels: np.ndarray) -> Predictor:
    """Fit a ridge regression of the class's number on TF-IDF; texts without words predict the median.

    Example:
        >>> texts = ["bad", "fair", "good"] * 4
        >>> tfidf_ridge(texts, np.array([0, 1, 2] * 4))(["good", "bad"])
        array([2, 0])
    """
    from sklearn.linear_model import RidgeCV

    labels = checked_labels(texts, labels)
    fitted = vectorized(texts)
    if fitted is None:
        return median(texts, labels)
    vectorizer, features = fitted
    model = RidgeCV(PENALTIES).fit(features, labels)
    most = int(labels.max())
    return lambda unseen: model.predict(vectorizer.transform(unseen)).round().clip(0, most).astype(np.int64)


BASELINES: Mapping[str, Baseline] = {
    "majority": majority,
    "median": median,
    "tfidf_svm": tfidf_svm,
    "tfidf_ridge": tfidf_ridge,
    "chance": chance,
}
"""The baselines by name. One line a baseline."""
