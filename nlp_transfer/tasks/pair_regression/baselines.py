"""Baselines of numbers of pairs, beside the mean.

`hypothesis_only` is a ridge regression on the second text alone. `tfidf_cosine` is a linear regression on one number,
the cosine of the TF-IDF vectors of both texts: how far shared words go.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from nlp_transfer.tasks.reading.baselines import NumberPredictor, fit_cosines, mean, tfidf_ridge
from nlp_transfer.tasks.regression.baselines import Baseline

Pair = tuple[str, str]


def hypothesis_only(pairs: Sequence[Pair], values: np.ndarray) -> NumberPredictor:
    """Fit a ridge regression on TF-IDF of the second texts.

    Example:
        >>> predict = hypothesis_only([("a", "cheap"), ("a", "dear")] * 5, np.array([[1.0], [9.0]] * 5))
        >>> bool(predict([("b", "dear")]) > predict([("b", "cheap")]))
        True
    """
    predict = tfidf_ridge([second for _, second in pairs], values)
    return lambda unseen: predict([second for _, second in unseen])


def tfidf_cosine(pairs: Sequence[Pair], values: np.ndarray) -> NumberPredictor:
    """Fit a linear regression on the cosine of the TF-IDF vectors of both texts.

    Example:
        >>> pairs = [("red apple", "red apple"), ("red apple", "blue car")] * 2
        >>> tfidf_cosine(pairs, np.array([[5.0], [0.0]] * 2))([("blue car", "blue car")]).round(6)
        array([[5.]])
    """
    from sklearn.linear_model import LinearRegression

    cosines = fit_cosines(pairs)
    if cosines is None:
        return mean(pairs, values)
    model = LinearRegression().fit(cosines(pairs), values)
    return lambda unseen: np.reshape(model.predict(cosines(unseen)), (len(unseen), -1))


BASELINES: Mapping[str, Baseline] = {
    "mean": mean,
    "hypothesis_only": hypothesis_only,
    "tfidf_cosine": tfidf_cosine,
}
"""The baselines by name. One line a baseline."""
