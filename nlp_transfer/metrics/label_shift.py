"""Label shift: estimate the target's class frequencies when they differ from the source's.

The target's class frequencies q are estimated from predictions by expectation and maximisation:

    p_i(y) ∝ q(y) / p_S(y) · p(y | x_i),    q(y) = mean_i p_i(y)

This needs calibrated predictions: logits get one temperature and one bias a class, fitted on source validation
(bias-corrected temperature scaling). It assumes that texts of one class look alike in both domains; otherwise the
estimate follows the model's errors. A class without a validation row cannot be fitted: its probabilities stay, and
the other classes share the rest.
The interval resamples the rows of both sides. It does not cover a model that is wrong about the target.
Reference: Saerens et al. (2002), https://doi.org/10.1162/089976602753284446; calibration: Alexandari et al. (2020),
https://arxiv.org/abs/1901.06852
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MAX_STEPS = 10_000  # of expectation and maximisation
_TOLERANCE = 1e-9  # change of the frequencies at which the iteration has converged
_RESAMPLES = 50  # for an interval
_MAX_RESAMPLED_ROWS = 2000
_MAX_RESAMPLE_STEPS = 50  # from the estimate on
_MAX_LOG_SCALE = 5.0  # of logits: unbounded for rows that are all correct
_BIAS_PENALTY = 1e-3  # on squared biases, for the same reason
_MIN_FREQUENCY = 1e-9  # of a class, and of all known classes of a text

AT_CHANCE = "on source validation the model is no better than chance, so there is no estimate for the target"
"""Reason for no estimate from a model that is not `above_chance`."""


@dataclass(frozen=True)
class LabelShift:
    """Estimate of the target's class frequencies.

    Args:
        temperature: divides logits.
        biases: added to the scaled logits, shape (classes,).
        source: class frequencies in source validation, shape (classes,).
        target: estimated class frequencies in the target, shape (classes,).
        interval: 95 % interval of each target frequency, shape (classes, 2).
        known: True for classes with rows in source validation, shape (classes,).
        above_chance: the model separates the classes of source validation; otherwise nothing here is an estimate.
    """

    temperature: float
    biases: np.ndarray
    source: np.ndarray
    target: np.ndarray
    interval: np.ndarray
    known: np.ndarray
    above_chance: bool

    def corrections(self) -> np.ndarray:
        """Return the biases plus the log ratio of frequencies, to add to scaled logits, shape (classes,)."""
        among_known = self.target / self.target[self.known].sum()
        ratio = np.log(np.maximum(among_known, 1e-6)) - np.log(np.where(self.known, self.source, 1.0))
        return self.biases + np.where(self.known, ratio, 0.0)


def estimate_label_shift(
    validation_logits: np.ndarray, validation_labels: np.ndarray, target_logits: np.ndarray
) -> LabelShift:
    """Estimate the target's class frequencies.

    Args:
        validation_logits: of source validation rows, shape (rows, classes).
        validation_labels: their class ids, shape (rows,).
        target_logits: of target rows, shape (target rows, classes).

    Raises:
        ValueError: a side has no rows; labels are missing, not one a row or of no class; classes differ between the
            sides; or logits are not finite.

    Example:
        >>> validation, labels = np.repeat([[4.0, 0.0], [0.0, 4.0]], 50, axis=0), np.repeat([0, 1], 50)
        >>> estimate_label_shift(validation, labels, validation[30:]).target.round(2)
        array([0.29, 0.71])
    """
    _check_inputs(validation_logits, validation_labels, target_logits)
    temperature, biases = bias_corrected_temperature(validation_logits, validation_labels)
    known = _present_classes(validation_labels, len(biases))
    source, target = frequencies(validation_logits / temperature + biases, target_logits / temperature + biases, known)
    low, high = _frequency_interval(validation_logits, validation_labels, target_logits, target)
    # An estimate at the edge may lie outside of what resamples give.
    interval = np.stack([np.minimum(low, target), np.maximum(high, target)], axis=1)
    sure = above_chance(validation_logits, validation_labels)
    return LabelShift(temperature, biases, source, target, interval, known, sure)


def _check_inputs(validation_logits: np.ndarray, validation_labels: np.ndarray, target_logits: np.ndarray) -> None:
    """Raise `ValueError` for rows, labels or logits from which nothing can be estimated."""
    if validation_labels is None:
        raise ValueError("validation_labels is None: predictions of rows that have no labels. Give labelled rows.")
    ours, theirs, labels = (np.shape(side) for side in (validation_logits, target_logits, validation_labels))
    if not len(validation_logits) or not len(target_logits):
        raise ValueError(
            f"Label shift is estimated from {ours[0]} validation and {theirs[0]} target rows; both sides need some."
        )
    if labels != ours[:1] or len(ours) != 2 or ours[1:] != theirs[1:]:
        raise ValueError(
            f"Got logits of the shapes {ours} (validation) and {theirs} (target), and labels of the shape {labels}; "
            "expected (rows, classes), of the same classes, and one class id a validation row."
        )
    if outside := sorted({int(label) for label in validation_labels if not 0 <= label < ours[1]}):
        raise ValueError(
            f"validation_labels has the class ids {', '.join(map(str, outside[:5]))}; expected 0 to {ours[1] - 1}."
        )
    if not (np.isfinite(validation_logits).all() and np.isfinite(target_logits).all()):
        raise ValueError("Some logits are not finite: the model is broken, and nothing can be estimated from it.")


def vanishing_classes(logits: np.ndarray, shift: LabelShift, names: Sequence[str]) -> str | None:
    """Describe the classes that a correction would never predict for the target; None if there are none."""
    before, after = logits.argmax(axis=1), (logits / shift.temperature + shift.corrections()).argmax(axis=1)
    lost = [label for label in np.unique(before) if label not in after]
    if not lost:
        return None
    listed = " or ".join(f"{names[i]} (now {(before == i).sum():,} of {len(before):,} are)" for i in lost)
    return f"with the estimated frequencies no target text would be called {listed}"


def _present_classes(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(np.asarray(labels, dtype=np.int64), minlength=classes) > 0


def frequencies(
    validation: np.ndarray,
    target: np.ndarray,
    known: np.ndarray,
    start: np.ndarray | None = None,
    steps: int = _MAX_STEPS,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class frequencies by calibrated logits: in source validation, and in the target.

    Args:
        validation: logits, shape (rows, classes).
        target: logits, shape (target rows, classes).
        known: True for classes with rows in source validation; others have frequency 0 there.
        start: initial frequencies in the target; None starts at those of source validation.
    """
    from scipy.special import softmax

    source, shares = np.zeros(len(known)), softmax(target, axis=1)
    source[known] = softmax(validation[:, known], axis=1).mean(axis=0)
    of_known = np.maximum(shares[:, known].sum(axis=1), _MIN_FREQUENCY)
    shares = shares.mean(axis=0)
    shares[known] = of_known.mean() * expectation_maximisation(
        softmax(target[:, known], axis=1),
        np.maximum(source[known], _MIN_FREQUENCY),
        of_known,
        start=None if start is None else start[known] / start[known].sum(),
        steps=steps,
    )
    return source, shares


def above_chance(logits: np.ndarray, labels: np.ndarray) -> bool:
    """Return True if the mean recall exceeds 1 / classes by more than two standard errors.

    Example:
        >>> above_chance(np.eye(2).repeat(20, axis=0), np.array([0, 1]).repeat(20))
        True
    """
    right, present = logits.argmax(axis=1) == labels, np.unique(labels)
    recalls = np.array([right[labels == label].mean() for label in present])
    errors = [recall * (1 - recall) / (labels == label).sum() for recall, label in zip(recalls, present, strict=True)]
    return bool(recalls.mean() - 1 / len(present) > 2 * np.sqrt(sum(errors)) / len(present))


def bias_corrected_temperature(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the temperature and the class biases of maximum likelihood; 0 for classes without rows."""
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    known, rows = _present_classes(labels, logits.shape[1]), np.arange(len(labels))
    truth = np.zeros(logits.shape)
    truth[rows, labels] = 1.0
    logits, truth = np.asarray(logits, dtype=np.float64)[:, known], truth[:, known]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        scale, biases = np.exp(values[0]), values[1:]
        logs = log_softmax(scale * logits + biases, axis=1)
        apart = (np.exp(logs) - truth) / len(rows)
        gradient = np.concatenate([[scale * (apart * logits).sum()], apart.sum(axis=0) + 2 * _BIAS_PENALTY * biases])
        return float(-(logs * truth).sum() / len(rows) + _BIAS_PENALTY * (biases**2).sum()), gradient

    bounds = [(-_MAX_LOG_SCALE, _MAX_LOG_SCALE), *[(None, None)] * logits.shape[1]]
    solution = minimize(loss, np.zeros(1 + logits.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds).x
    biases = np.zeros(len(known))
    biases[known] = solution[1:]
    return float(np.exp(-solution[0])), biases


def expectation_maximisation(
    probabilities: np.ndarray,
    source: np.ndarray,
    weights: np.ndarray,
    *,
    start: np.ndarray | None = None,
    steps: int = _MAX_STEPS,
) -> np.ndarray:
    """Return the class frequencies of maximum likelihood in the target, shape (classes,).

    Args:
        probabilities: calibrated, of target rows, shape (rows, classes).
        source: class frequencies of the calibration rows, shape (classes,).
        weights: weight of each row, shape (rows,).
        start: initial frequencies; None starts at `source`.
        steps: maximum number of steps.

    Example:
        >>> calibrated = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
        >>> expectation_maximisation(calibrated, np.array([0.5, 0.5]), np.ones(3)).round(2)
        array([0.71, 0.29])
    """
    target = (source if start is None else start).copy()
    for _ in range(steps):
        weighted = probabilities * (target / source)
        weighted /= weighted.sum(axis=1, keepdims=True)
        before, target = target, np.average(weighted, axis=0, weights=weights)
        if np.abs(target - before).max() < _TOLERANCE:
            break
    return target


def _frequency_interval(
    validation_logits: np.ndarray, validation_labels: np.ndarray, target_logits: np.ndarray, estimate: np.ndarray
) -> np.ndarray:
    """Return the ends of the 95 % interval of estimated class frequencies, shape (2, classes).

    Rows are resampled with a fixed seed. The calibration is fitted again for each resample, because with few validation
    rows it is the less certain part.
    """
    random, resampled = np.random.default_rng(0), []
    for _ in range(_RESAMPLES):
        rows, others = (
            random.integers(len(side), size=min(len(side), _MAX_RESAMPLED_ROWS))
            for side in (validation_logits, target_logits)
        )
        labels = validation_labels[rows]
        temperature, biases = bias_corrected_temperature(validation_logits[rows], labels)
        validation, target = (side / temperature + biases for side in (validation_logits[rows], target_logits[others]))
        known = _present_classes(labels, len(estimate))
        start = estimate + 1 / len(others)  # what is 0 would stay 0
        resampled.append(frequencies(validation, target, known, start, _MAX_RESAMPLE_STEPS)[1])
    return np.percentile(resampled, [2.5, 97.5], axis=0)
