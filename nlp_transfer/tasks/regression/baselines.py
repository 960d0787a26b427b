"""Baselines of regression: the mean of training, and a ridge regression on TF-IDF of words and word pairs.

The penalty of the ridge regression is chosen by leave-one-out error.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nlp_transfer.tasks.classification.baselines import vectorized

Predictor = Callable[[Sequence[str]], np.ndarray]
"""Texts to numbers, shape (rows, numbers)."""

PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Penalties of the ridge regression."""


def mean(texts: Sequence[str], values: np.ndarray) -> Predictor:
    """Predict the mean of training.

    Example:
        >>> mean(["a", "b"], np.array([[1.0], [2.0]]))(["c"])
        array([[1.5]])
    """
    answer = values.mean(axis=0)
    return lambda unseen: np.tile(answer, (len(unseen), 1))


def tfidf_ridge(texts: Sequence[str], values: np.ndarray) -> Predictor:
    """Fit a ridge regression on TF-IDF; texts without words predict the mean.

    Example:
        >>> predict = tfidf_ridge(["cheap", "dear"] * 5, np.array([[1.0], [9.0]] * 5))
        >>> bool(predict(["dear"]) > predict(["cheap"]))
        True
    """
    from sklearn.linear_model import RidgeCV

    fitted = vectorized(texts)
    if fitted is None:
        return mean(texts, values)
    vectorizer, features = fitted
    model = RidgeCV(PENALTIES).fit(features, values)
    return lambda unseen: np.reshape(model.predict(vectorizer.transform(unseen)), (len(unseen), -1))


BASELINES: Mapping[str, Callable[[Sequence[str], np.ndarray], Predictor]] = {"mean": mean, "tfidf_ridge": tfidf_ridge}
"""The baselines by name. One line a baseline."""
