"""Measure the share of each source in a target: the mean P(source | text), by logistic regression on TF-IDF.

Each source has equal weight, and no label is read.
Reference: Mansour, Mohri & Rostamizadeh (2009), "Domain adaptation with multiple sources", for targets as mixtures.
"""

from collections.abc import Sequence

import numpy as np

MAX_TEXTS = 5000
"""Maximum number of texts of a domain; more are sampled evenly."""


def source_shares(sources: Sequence[Sequence[Sequence[int]]], target: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the share of each source in the target, shape (sources,); shares sum to 1.

    Args:
        sources: the texts of each source domain, two at least, as token ids.
        target: the target's texts, as ids of the same tokenizer.

    Example:
        >>> source_shares([[[1, 2]] * 4, [[3, 4]] * 4], [[1, 2]]).argmax()
        np.int64(0)
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if len(sources) < 2 or not all(map(len, sources)) or not len(target):
        raise ValueError("Shares need two sources at least, and texts of each and of the target.")
    domains = [_evenly(texts) for texts in sources]
    words = TfidfVectorizer(analyzer=list, sublinear_tf=True)
    features = words.fit_transform([text for texts in domains for text in texts])
    labels = np.repeat(np.arange(len(domains)), [len(texts) for texts in domains])
    classifier = LogisticRegression(class_weight="balanced", max_iter=1000).fit(features, labels)
    shares: np.ndarray = classifier.predict_proba(words.transform(_evenly(target))).mean(axis=0)
    return shares


def _evenly(texts: Sequence[Sequence[int]]) -> list[Sequence[int]]:
    places = np.linspace(0, len(texts) - 1, min(len(texts), MAX_TEXTS)).round().astype(int)
    return [texts[int(place)] for place in places]
