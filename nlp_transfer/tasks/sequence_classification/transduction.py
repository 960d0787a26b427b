"""Correct the predictions for a set of texts by the words of these texts: transductive inference.

    z'_i = t (z_i + b (v_i - mean v) + o),   b = cov(z, v) / var(v)

z_i are the model's logits of a text, less their mean. v_i is ridge regression on its words, fitted to the class
probabilities that the model gives other texts (five folds, by the text), so that it knows words which the model never
learned to weigh. b is the slope of least squares, so that words count for as much as they explain of the logits. By o
each class is predicted as often as without words: else they would even frequencies out, which harms where one class has
most texts. t keeps the mean confidence. No label is read.
Reference: two views of a text that label for one another, Blum & Mitchell (1998),
https://doi.org/10.1145/279943.279962
"""

import zlib
from collections.abc import Sequence

import numpy as np

from nlp_transfer.tasks.reading.baselines import vectorized

MIN_TEXTS = 500
"""Minimum number of texts; the words of fewer say too little."""

FOLDS = 5

PENALTY = 1.0
"""Penalty of the ridge regression."""

STEPS = 200
"""Maximum number of steps to the offsets of classes."""


def transductive_logits(texts: Sequence[str], logits: np.ndarray) -> np.ndarray:
    """Return the logits of texts, corrected by their words; unchanged where words explain nothing.

    Equal texts are in one fold, so that they do not label one another; the order of texts changes rounding alone.

    Args:
        logits: of single-label classes, shape (texts, classes).

    Example:
        >>> logits = np.array([[2.0, -2.0], [-2.0, 2.0]] * 10)
        >>> logits[:2] = [[-0.1, 0.1], [0.1, -0.1]]  # words speak against these
        >>> texts = [f"{weather} {day}" for day in range(10, 20) for weather in ("fine weather", "heavy rain")]
        >>> transductive_logits(texts, logits).argmax(axis=1)[:4].tolist()
        [0, 1, 0, 1]
    """
    from scipy.special import softmax

    probabilities = softmax(np.asarray(logits, dtype=np.float64), axis=1)
    words = _word_scores(texts, probabilities)
    if words is None:
        return logits
    own = logits - logits.mean(axis=1, keepdims=True)
    covariance, variance = ((own - own.mean(axis=0)) * words).sum(), (words**2).sum()
    if covariance <= 0:
        return logits
    moved = own + covariance / variance * words
    return _as_sure(moved + _offsets(moved, own.argmax(axis=1)), probabilities.max(axis=1).mean())


def _word_scores(texts: Sequence[str], probabilities: np.ndarray) -> np.ndarray | None:
    """Return what words say of each class, less the mean, shape (texts, classes); None for texts that are all alike."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    folds = [zlib.crc32(text.encode("utf-8", "surrogatepass")) % FOLDS for text in texts]
    fitted = vectorized(texts)
    if fitted is None or len(set(folds)) == 1:
        return None
    scores = cross_val_predict(Ridge(alpha=PENALTY), fitted[1], probabilities, cv=PredefinedSplit(folds))
    return np.asarray(scores - scores.mean(axis=0))


def _offsets(logits: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return what to add to each class's logits so that it is predicted as often as among `chosen`, about."""
    classes = logits.shape[1]
    asked, offsets, found = np.bincount(chosen, minlength=classes), np.zeros(classes), []
    for step in range(STEPS):
        counts = np.bincount((logits + offsets).argmax(axis=1), minlength=classes)
        found.append((np.abs(counts - asked).sum(), step, offsets))
        if not found[-1][0]:
            break
        offsets = offsets + 0.5 * 0.98**step * logits.std() * np.log((asked + 1) / (counts + 1))
    return min(found, key=lambda one: one[:2])[2]


def _as_sure(logits: np.ndarray, confidence: float) -> np.ndarray:
    """Return logits times the number at which their mean confidence is the given one."""
    from scipy.optimize import brentq
    from scipy.special import softmax

    def surplus(factor: float) -> float:
        return float(softmax(factor * logits, axis=1).max(axis=1).mean()) - confidence

    least, most = 1e-3, 1e3
    return logits * brentq(surplus, least, most) if surplus(least) < 0 < surplus(most) else logits
