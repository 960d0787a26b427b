"""Calibrate the logits of a classifier: one temperature for all classes, or Platt scaling for each label.

    single-label   p = softmax(z / T)
    multi-label    p_k = sigmoid(a_k z_k + b_k)

Both are fitted by maximum likelihood on rows that the model has not learned from, with a standard normal prior on log T
and log a, and Platt's smoothed targets, which keep them finite where all rows are right.
References: Guo et al. (2017), https://arxiv.org/abs/1706.04599; Platt (1999), Probabilistic outputs for support vector
machines
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FOLDS = 5
"""Parts in which rows are divided, so that the calibration of a row is fitted on others."""

_MAX_LOG_SCALE = 5.0


@dataclass(frozen=True)
class Calibration:
    """An affine change of logits.

    Args:
        scale: factor of each class, > 0, shape (classes,).
        shift: added to each scaled logit, shape (classes,).

    Example:
        >>> Calibration(np.array([0.5, 0.5]), np.zeros(2)).apply(np.array([[2.0, 0.0]])).tolist()
        [[1.0, 0.0]]
    """

    scale: np.ndarray
    shift: np.ndarray

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated logits, float64, shape (rows, classes)."""
        return np.asarray(logits, dtype=np.float64) * self.scale + self.shift


def temperature_scaling(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Return the temperature of single-label logits as a calibration with the scale 1 / T.

    Args:
        logits: shape (rows, classes).
        labels: class ids, shape (rows,).

    Example:
        >>> logits, labels = np.array([[4.0, 0.0]] * 4), np.array([0, 0, 0, 1])
        >>> temperature_scaling(logits, labels).scale.round(2)
        array([0.45, 0.45])
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits, rows = np.asarray(logits, dtype=np.float64), np.arange(len(labels))

    def loss(log_scale: float) -> float:
        logs = log_softmax(np.exp(log_scale) * logits, axis=1)
        return float(-logs[rows, labels].sum() + log_scale**2 / 2)

    found = minimize_scalar(loss, bounds=(-_MAX_LOG_SCALE, _MAX_LOG_SCALE), method="bounded")
    classes = logits.shape[1]
    return Calibration(np.full(classes, np.exp(found.x)), np.zeros(classes))


def platt_scaling(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Return a scale and a shift for each label; a label without a positive or a negative row stays as it is.

    Args:
        logits: shape (rows, classes).
        labels: zeros and ones, shape (rows, classes).

    Example:
        >>> logits, labels = np.array([[4.0], [4.0], [-4.0], [-4.0]] * 5), np.array([[1], [0], [0], [0]] * 5)
        >>> platt_scaling(logits, labels).apply(logits[:1]).round(1)
        array([[-0.1]])
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    fits = [_platt(logits[:, k], labels[:, k].astype(bool)) for k in range(logits.shape[1])]
    scale, shift = np.array(fits).reshape(-1, 2).T
    return Calibration(scale, shift)


def cross_fitted(
    logits: np.ndarray, labels: np.ndarray, fit: Callable[[np.ndarray, np.ndarray], Calibration], folds: int = FOLDS
) -> np.ndarray:
    """Return logits calibrated by what was fitted on the other folds, shape (rows, classes).

    Fewer rows than folds are calibrated all together.
    """
    if len(logits) < folds:
        return fit(logits, labels).apply(logits)
    calibrated = np.empty(np.shape(logits))
    fold = np.random.default_rng(0).permutation(len(logits)) % folds
    for k in range(folds):
        held_out = fold == k
        calibrated[held_out] = fit(logits[~held_out], labels[~held_out]).apply(logits[held_out])
    return calibrated


def _platt(logits: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Return the scale and the shift of one label."""
    from scipy.optimize import minimize
    from scipy.special import expit

    yes, no = positive.sum(), (~positive).sum()
    if not yes or not no:
        return 1.0, 0.0
    truth = np.where(positive, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        log_scale, shift = values
        scale = np.exp(log_scale)
        z = scale * logits + shift
        apart = expit(z) - truth
        gradient = np.array([scale * (apart * logits).sum() + log_scale, apart.sum()])
        return float((np.logaddexp(0.0, z) - truth * z).sum() + log_scale**2 / 2), gradient

    bounds = [(-_MAX_LOG_SCALE, _MAX_LOG_SCALE), (None, None)]
    log_scale, shift = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(log_scale)), float(shift)
