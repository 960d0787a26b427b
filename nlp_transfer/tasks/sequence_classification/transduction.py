"""Correct the predictions for a set of texts by the words of these texts: transductive inference.

    z'_i = t (z_i + b (v_i - mean v)),   b = cov(z, v) / var(v)

z_i are the model's logits of a text. v_i is ridge regression on its words, fitted to the class probabilities that the
model gives the other texts (five folds), so that it knows words which the model never learned to weigh. b is the slope
of least squares, so that words count for as much as they explain of the logits. t keeps the mean confidence. No label
is read.
Reference: two views of a text that label for one another, Blum & Mitchell (1998),
https://doi.org/10.1145/279943.279962
"""

from collections.abc import Sequence

import numpy as np

from nlp_transfer.tasks.reading.baselines import vectorized

MIN_TEXTS = 500
"""Minimum number of texts; the words of fewer say too little."""

FOLDS = 5

PENALTY = 1.0
"""Penalty of the ridge regression."""


def transductive_logits(texts: Sequence[str], logits: np.ndarray) -> np.ndarray:
    """Return the logits of texts, corrected by their words; unchanged where words explain nothing.

    Args:
        texts: at least one for each fold.
        logits: of single-label classes, shape (texts, classes).

    Example:
        >>> logits = np.array([[2.0, -2.0], [-2.0, 2.0]] * 10)
        >>> logits[0] = [-0.1, 0.1]  # its words speak against this
        >>> transductive_logits(["fine weather", "heavy rain"] * 10, logits).argmax(axis=1)[:4].tolist()
        [0, 1, 0, 1]
    """
    from scipy.special import softmax
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold, cross_val_predict

    fitted = vectorized(texts)
    if fitted is None:
        return logits
    features, probabilities = fitted[1], softmax(np.asarray(logits, dtype=np.float64), axis=1)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    words = cross_val_predict(Ridge(alpha=PENALTY), features, probabilities, cv=folds)
    words -= words.mean(axis=0)
    own = logits - logits.mean(axis=1, keepdims=True)
    covariance, variance = ((own - own.mean(axis=0)) * words).sum(), (words**2).sum()
    if covariance <= 0:
        return logits
    return _as_sure(own + covariance / variance * words, probabilities.max(axis=1).mean())


def _as_sure(logits: np.ndarray, confidence: float) -> np.ndarray:
    """Return logits times the number at which their mean confidence is the given one."""
    from scipy.optimize import brentq
    from scipy.special import softmax

    def surplus(factor: float) -> float:
        return float(softmax(factor * logits, axis=1).max(axis=1).mean()) - confidence

    least, most = 1e-3, 1e3
    return logits * brentq(surplus, least, most) if surplus(least) < 0 < surplus(most) else logits
