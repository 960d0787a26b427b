"""What baselines of texts share: TF-IDF of words and word pairs, and a ridge regression on it.

The features have sublinear counts and terms of at least two texts.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Penalties of the ridge regression, of which the one with the least leave-one-out error is taken."""

NumberPredictor = Callable[[Sequence[Any]], np.ndarray]
"""Texts, or pairs of them, to numbers, shape (rows, numbers)."""


def vectorized(texts: Sequence[str]) -> "tuple[TfidfVectorizer, Any] | None":
    """Return the fitted vectorizer and its sparse matrix, shape (rows, terms); None for texts without words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    for least_texts in (2, 1):  # a handful of texts may share no term
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=least_texts)
        try:
            return vectorizer, vectorizer.fit_transform(texts)
        except ValueError:  # the vocabulary is empty
            continue
    return None


def fit_cosines(pairs: Sequence[tuple[str, str]]) -> Callable[[Sequence[tuple[str, str]]], np.ndarray] | None:
    """Return the function that gives the cosine of the TF-IDF vectors of both texts, shape (pairs, 1).

    None for texts without words.
    """
    fitted = vectorized([text for pair in pairs for text in pair])
    if fitted is None:
        return None
    vectorizer, _ = fitted

    def cosines(of: Sequence[tuple[str, str]]) -> np.ndarray:
        firsts, seconds = (vectorizer.transform([pair[place] for pair in of]) for place in (0, 1))
        return np.asarray(firsts.multiply(seconds).sum(axis=1)).reshape(-1, 1)

    return cosines


def mean(texts: Sequence[Any], values: np.ndarray) -> NumberPredictor:
    """Predict the mean of training.

    Example:
        >>> mean(["a", "b"], np.array([[1.0], [2.0]]))(["c"])
        array([[1.5]])
    """
    answer = values.mean(axis=0)
    return lambda unseen: np.tile(answer, (len(unseen), 1))


def tfidf_ridge(texts: Sequence[str], values: np.ndarray) -> NumberPredictor:
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
