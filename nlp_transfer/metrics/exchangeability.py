"""Test whether two sets of texts are exchangeable, by a classifier that tells them apart.

A logistic regression on TF-IDF learns from half of the texts of each side which side a text is of, and is scored on the
other half, of which equally many are of each side. Of exchangeable texts it gets half right:

    p = P(B >= right), B ~ Binomial(n, 1/2)

Reference: Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests, https://arxiv.org/abs/1610.06545
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAX_TEXTS = 1000
"""Maximum number of texts of a side; of more, some are drawn."""

MIN_TEXTS = 20
"""Minimum number of texts of a side; of fewer, no test can tell much."""

ALARM = 0.01
"""Probability of exchangeable texts at which a difference is reported."""


@dataclass(frozen=True)
class Exchangeability:
    """The result of a test.

    Args:
        accuracy: share of held-out texts whose side was told right; 0.5 if the sides are exchangeable.
        p: probability of such an accuracy, or a higher one, for exchangeable texts.
        texts: number of held-out texts.
    """

    accuracy: float
    p: float
    texts: int

    @property
    def differs(self) -> bool:
        """Return True if the sides are hardly exchangeable."""
        return self.p < ALARM


def exchangeability_test(first: Sequence[str], second: Sequence[str], *, seed: int = 0) -> Exchangeability | None:
    """Test whether texts of two sides are exchangeable; None if a side has fewer than `MIN_TEXTS`.

    Example:
        >>> exchangeability_test(["red apples"] * 40, ["blue sky"] * 40).differs
        True
    """
    from scipy.stats import binom
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    count = min(len(first), len(second), MAX_TEXTS)
    if count < MIN_TEXTS:
        return None
    random = np.random.default_rng(seed)
    sides = [[str(texts[int(i)]) for i in random.permutation(len(texts))[:count]] for texts in (first, second)]
    half = count // 2
    learned, held_out = ([text for side in sides for text in side[part]] for part in (slice(half), slice(half, None)))
    words = TfidfVectorizer(sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    try:
        features = words.fit_transform(learned)
    except ValueError:  # texts without words
        return None
    classifier = LogisticRegression(C=10.0, max_iter=1000).fit(features, np.repeat([0, 1], half))
    told = classifier.predict(words.transform(held_out))
    right = int((told == np.repeat([0, 1], count - half)).sum())
    return Exchangeability(right / len(held_out), float(binom.sf(right - 1, len(held_out), 0.5)), len(held_out))
