"""Measure how far domains lie apart, without reading a label.

- The share of each source in a target: the mean P(source | text), by logistic regression on TF-IDF, each source with
  equal weight. Reference: Mansour, Mohri & Rostamizadeh (2009), "Domain adaptation with multiple sources".
- A classifier two-sample test: whether a classifier tells two domains apart on texts that it was not trained on.
  Reference: Lopez-Paz & Oquab (2017), https://arxiv.org/abs/1610.06545
- The proxy A-distance, 2 (1 - 2 error), of that classifier: 0 for domains that are alike, 2 for those that are never
  mistaken. Reference: Ben-David et al. (2007), Analysis of representations for domain adaptation
- The words whose frequencies differ most: log-odds with a prior, in standard deviations.
  Reference: Monroe, Colaresi & Quinn (2008), https://doi.org/10.1093/pan/mpn018
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from nlp_transfer.metrics.tokenization import plain_words

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


class TwoSampleTest(NamedTuple):
    """Hold how well two domains are told apart on texts that the classifier has not seen.

    Args:
        accuracy: share of them whose domain is right; 0.5 is chance, since both have equally many.
        low: lower end of its 95 % interval.
        high: upper end.
        p: probability of such an accuracy if the domains are alike.
        rows: number of these texts.
    """

    accuracy: float
    low: float
    high: float
    p: float
    rows: int

    @property
    def a_distance(self) -> float:
        """Return the proxy A-distance, from 0 to 2."""
        return max(0.0, 2 * (2 * self.accuracy - 1))


def two_sample_test(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> TwoSampleTest:
    """Train a classifier on half of the features of each domain, and test it on the others.

    Args:
        first: features, shape (rows, hidden).
        second: of the other domain; of the larger one as many rows are drawn as the smaller one has.

    Example:
        >>> random = np.random.default_rng(0)
        >>> two_sample_test(random.normal(size=(200, 3)), random.normal(2, size=(300, 3))).accuracy > 0.9
        True
    """
    from scipy.stats import binomtest
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    count, rng = min(len(first), len(second)), np.random.default_rng(seed)
    if count < 4:
        raise ValueError(f"A two-sample test needs four texts or more of each domain; got {count}.")
    sides = [side[rng.permutation(len(side))[:count]] for side in (first, second)]
    half = count // 2
    train, test = ([side[part] for side in sides] for part in (slice(half), slice(half, None)))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    model.fit(np.concatenate(train), np.repeat([0, 1], half))
    rows = 2 * (count - half)
    right = int((model.predict(np.concatenate(test)) == np.repeat([0, 1], count - half)).sum())
    tested = binomtest(right, rows, 0.5, alternative="greater")
    interval = binomtest(right, rows).proportion_ci(0.95)
    return TwoSampleTest(right / rows, float(interval.low), float(interval.high), float(tested.pvalue), rows)


def different_words(first: Iterable[str], second: Iterable[str], count: int) -> tuple[list[str], list[str]]:
    """Return the words that are more frequent in the first texts, and those in the second, the clearest first.

    Example:
        >>> different_words(["the cat sat"] * 9, ["the dog sat"] * 9, 1)
        (['cat'], ['dog'])
    """
    a, b = (Counter(word for text in texts for word in plain_words(text)) for texts in (first, second))
    words = sorted(set(a) | set(b))
    y = np.array([[side[word] for word in words] for side in (a, b)], dtype=float)
    prior = y.sum(axis=0)  # frequent words need a larger difference
    prior *= 500 / max(prior.sum(), 1.0)
    total, prior_total = y.sum(axis=1, keepdims=True), prior.sum()
    odds = np.log((y + prior) / (total + prior_total - y - prior))
    score = (odds[0] - odds[1]) / np.sqrt(1 / (y[0] + prior) + 1 / (y[1] + prior))
    order = np.argsort(score, kind="stable")
    return (
        [words[place] for place in order[::-1][:count] if score[place] > 0],
        [words[place] for place in order[:count] if score[place] < 0],
    )
