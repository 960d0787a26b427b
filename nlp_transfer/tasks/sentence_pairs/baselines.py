"""Baselines of pairs of texts, beside the majority class.

`hypothesis_only` is a linear SVM on the second text alone. Where it is as good as the model, the model may not have
read the first text (Poliak et al., 2018, https://aclanthology.org/S18-2023). `tfidf_cosine` is a logistic regression on
one number, the cosine of the TF-IDF vectors of both texts: how far shared words go.
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
from nlp_transfer.tasks.reading.baselines import fit_cosines

Pair = tuple[str, str]


def hypothesis_only(pairs: Sequence[Pair], labels: np.ndarray) -> Predictor:
    """Fit a linear SVM on TF-IDF of the second texts.

    Example:
        >>> pairs = [("a", "yes it does")] * 3 + [("a", "no way")] * 3
        >>> hypothesis_only(pairs, np.array([1, 1, 1, 0, 0, 0]))([("b", "no way")])
        array([0])
    """
    predict = tfidf_svm([second for _, second in pairs], labels)
    return lambda unseen: predict([second for _, second in unseen])


def tfidf_cosine(pairs: Sequence[Pair], labels: np.ndarray) -> Predictor:
    """Fit a logistic regression on the cosine of the TF-IDF vectors of both texts.

    Example:
        >>> pairs = [("red apple", "red apple"), ("red apple", "blue car"), ("blue car", "blue car")] * 2
        >>> tfidf_cosine(pairs, np.array([1, 0, 1] * 2))([("blue car", "red apple"), ("red apple", "red apple")])
        array([0, 1])
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    labels = checked_labels(pairs, labels)
    cosines = fit_cosines(pairs)
    if cosines is None or (labels.ndim == 1 and len(np.unique(labels)) == 1):
        return majority(pairs, labels)
    regression = LogisticRegression(C=1e4, max_iter=1000)
    model = regression if labels.ndim == 1 else OneVsRestClassifier(regression)
    model.fit(cosines(pairs), labels)
    return lambda unseen: np.asarray(model.predict(cosines(unseen)))


BASELINES: Mapping[str, Baseline] = {
    "majority": majority,
    "hypothesis_only": hypothesis_only,
    "tfidf_cosine": tfidf_cosine,
    "chance": chance,
}
"""The baselines by name. One line a baseline."""
