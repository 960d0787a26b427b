"""Confidence intervals by the percentile bootstrap over rows; mean and standard deviation over seeds.

Rows with equal reference and prediction (or predictions of two models) are interchangeable for every metric here, so
that a resample is one multinomial draw of the counts of distinct rows.
Reference: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

BOOTSTRAP_SAMPLES = 1000
"""Number of resamples."""

STATISTICS = ("accuracy", "macro_f1", "quadratic_kappa", "mae_in_classes")
"""Metrics that an interval is made of."""

_CELLS = 4_000_000  # numbers in one block of draws: 32 MB


def bootstrap_interval(
    predictions: Any, references: Any, statistic: str, *, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval (low, high) of a metric over rows.

    Args:
        predictions: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        statistic: of `STATISTICS`.

    Example:
        >>> bootstrap_interval([0, 1, 1, 0], [0, 1, 1, 0], "accuracy")
        (1.0, 1.0)
    """
    return percentile_interval(resampled_scores([predictions], references, statistic, samples, seed)[0])


def bootstrap_difference(
    first: Any, second: Any, references: Any, statistic: str, *, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval (low, high) of first - second; see `bootstrap_interval`.

    Both models are scored on the same resamples, so that rows which are hard for both do not widen the interval.

    Example:
        >>> bootstrap_difference([0, 1], [0, 1], [0, 1], "macro_f1")
        (0.0, 0.0)
    """
    ours, theirs = resampled_scores([first, second], references, statistic, samples, seed)
    return percentile_interval(ours - theirs)


def percentile_interval(scores: Any) -> tuple[float, float]:
    """Return the ends of the middle 95 % of the scores of resamples.

    Example:
        >>> percentile_interval(range(41))
        (1.0, 39.0)
    """
    low, high = np.quantile(scores, (0.025, 0.975))
    return float(low), float(high)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None, int]:
    """Return the mean, the standard deviation (n - 1; None for one value), and the number of values.

    Example:
        >>> mean_and_deviation([1.0, 2.0, 3.0])
        (2.0, 1.0, 3)
    """
    if len(values) == 0:
        raise ValueError("A spread needs at least one value; got none.")
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), deviation, len(values)


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % t interval (low, high) of the mean; None of fewer than three values, which say too little.

    Example:
        >>> mean_interval([0.5, 0.6, 0.7])
        (0.3515..., 0.8484...)
    """
    from scipy.stats import t

    mean, deviation, count = mean_and_deviation(values)
    if deviation is None or count < 3:
        return None
    half = float(t.ppf(0.975, count - 1)) * deviation / math.sqrt(count)
    return mean - half, mean + half


def resampled_scores(guesses: Sequence[Any], truth: Any, statistic: str, samples: int, seed: int) -> np.ndarray:
    """Return scores of each model's predictions on the same resamples, shape (models, samples)."""
    truth, guesses = np.asarray(truth), [np.asarray(guess) for guess in guesses]
    for guess in guesses:
        if guess.shape != truth.shape or truth.ndim not in (1, 2) or len(truth) == 0:
            raise ValueError(f"Predictions and references need one shape and a row; got {guess.shape}, {truth.shape}.")
    if statistic not in STATISTICS:
        raise ValueError(f"Unknown statistic {statistic!r}. Statistics: {', '.join(STATISTICS)}.")
    rng = np.random.default_rng(seed)
    together = np.column_stack([truth, *guesses])
    distinct, counts = np.unique(together, axis=0, return_counts=True)
    if truth.ndim == 1:
        classes = np.arange(together.max() + 1)
        actual, *predicted = (distinct[:, [column]] == classes for column in range(distinct.shape[1]))
    else:
        actual, *predicted = np.split(distinct.astype(bool), 1 + len(guesses), axis=1)
    scores = np.empty((len(guesses), samples))
    block = max(1, _CELLS // len(distinct))
    for start in range(0, samples, block):
        drawn = slice(start, min(start + block, samples))
        # weights: how often each distinct row occurs in each resample, shape (block, distinct rows)
        weights = rng.multinomial(len(truth), counts / len(truth), size=drawn.stop - start).astype(float)
        for i, claimed in enumerate(predicted):
            if statistic == "accuracy":
                scores[i, drawn] = weights @ (actual == claimed).all(axis=1) / len(truth)
            elif statistic == "mae_in_classes":
                scores[i, drawn] = weights @ np.abs(distinct[:, 0] - distinct[:, 1 + i]) / len(truth)
            elif statistic == "quadratic_kappa":
                scores[i, drawn] = kappa_of_counts(distinct[:, 0], distinct[:, 1 + i], weights)
            else:
                total = weights @ actual + weights @ claimed
                scores[i, drawn] = macro_f1_of_counts(weights @ (actual & claimed), total, absent=truth.ndim == 2)
    return scores


def resample_counts(rows: int, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield blocks of how often each row occurs in resamples, shape (resamples, rows)."""
    rng, block = np.random.default_rng(seed), max(1, _CELLS // rows)
    for start in range(0, samples, block):
        yield rng.multinomial(rows, np.full(rows, 1 / rows), size=min(block, samples - start)).astype(float)


def kappa_of_counts(truth: np.ndarray, guesses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the quadratic kappa of each resample, 0 where all rows and predictions are of one class.

    Args:
        truth: class ids of distinct rows, shape (rows,); `guesses` likewise.
        weights: how often each row occurs, shape (resamples, rows).
    """
    t, p = truth.astype(float), guesses.astype(float)
    apart, squares, truths, guessed = (weights @ of for of in ((t - p) ** 2, t**2 + p**2, t, p))
    return kappa_of_sums(apart, squares, truths, guessed, weights.sum(axis=1))


def kappa_of_sums(
    apart: np.ndarray, squares: np.ndarray, truth: np.ndarray, guesses: np.ndarray, rows: np.ndarray | int
) -> np.ndarray:
    """Return quadratic kappa by sums over rows: of squared distances, of both squares, and of truth and guesses."""
    by_chance = squares - 2 * truth * guesses / rows
    return 1 - np.divide(apart, by_chance, out=np.ones(len(apart)), where=by_chance > 1e-9)


def macro_f1_of_counts(hits: np.ndarray, total: np.ndarray, *, absent: bool) -> np.ndarray:
    """Return the mean F1 of each resample, of true positives and of rows plus predictions, shape (block, classes)."""
    f1 = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    return f1.sum(axis=1) / (np.ones_like(hits) if absent else total > 0).sum(axis=1)
