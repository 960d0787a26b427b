"""Confidence intervals by the bootstrap over rows; mean and standard deviation over seeds.

The percentile bootstrap resamples the rows with replacement, scores each resample, and takes the middle 95 % of the
scores. Rows with equal reference and prediction (or predictions of two models) are interchangeable for every metric
here, so that a resample is one multinomial draw of the counts of distinct rows.

The interval covers the choice of test rows, not the choice of seed: `mean_and_deviation` covers that.
Reference: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

BOOTSTRAP_SAMPLES = 1000
"""Number of resamples."""

_CELLS = 4_000_000  # numbers in one block of draws: 32 MB


def bootstrap_interval(
    predictions: Any,
    references: Any,
    statistic: str | Callable[[np.ndarray, np.ndarray], float],
    *,
    samples: int = BOOTSTRAP_SAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (low, high) of a metric over rows.

    Args:
        predictions: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        references: the true ones, of the same shape.
        statistic: `accuracy`, `macro_f1`, `micro_f1` or `weighted_f1`, as in `nlp_transfer.metrics.classification`; or
            a function of (predictions, references), which is slower.
        samples: number of resamples.
        seed: random seed; the same seed gives the same interval.
        level: share of resamples inside the interval.

    Raises:
        ValueError: there are no rows, shapes differ, the statistic is unknown, or the level is outside (0, 1).

    Example:
        >>> bootstrap_interval([0, 1, 1, 0], [0, 1, 1, 0], "accuracy")
        (1.0, 1.0)
    """
    guess, truth = _checked(predictions, references, level)
    rng = np.random.default_rng(seed)
    if callable(statistic):
        rows = len(truth)
        draws = (rng.integers(rows, size=rows) for _ in range(samples))
        scores = np.array([statistic(guess[draw], truth[draw]) for draw in draws])
    elif statistic in STATISTICS:
        (scores,) = _resampled_scores([guess], truth, STATISTICS[statistic], samples, rng)
    else:
        raise ValueError(f"Unknown statistic {statistic!r}. Statistics: {', '.join(STATISTICS)}, or a function.")
    return _middle(scores, level)


def bootstrap_difference(
    first: Any,
    second: Any,
    references: Any,
    statistic: str,
    *,
    samples: int = BOOTSTRAP_SAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval (low, high) of first - second on the same rows.

    Both models are scored on the same resamples, so that rows which are hard for both do not widen the interval.

    Args:
        first: predictions of one model, see `bootstrap_interval`.
        second: predictions of the other model.
        references: the true ones.
        statistic: a name, see `bootstrap_interval`.
        samples: number of resamples.
        seed: random seed.
        level: share of resamples inside the interval.

    Raises:
        ValueError: see `bootstrap_interval`.

    Example:
        >>> bootstrap_difference([0, 1], [0, 1], [0, 1], "macro_f1")
        (0.0, 0.0)
    """
    guesses = [_checked(side, references, level)[0] for side in (first, second)]
    rng = np.random.default_rng(seed)
    ours, theirs = _resampled_scores(guesses, np.asarray(references), STATISTICS[statistic], samples, rng)
    return _middle(ours - theirs, level)


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None, int]:
    """Return the mean, the standard deviation (n - 1; None for one value), and the number of values.

    Raises:
        ValueError: there are no values.

    Example:
        >>> mean_and_deviation([1.0, 2.0, 3.0])
        (2.0, 1.0, 3)
    """
    if len(values) == 0:
        raise ValueError("A spread needs at least one value; got none.")
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), deviation, len(values)


def _checked(predictions: Any, references: Any, level: float) -> tuple[np.ndarray, np.ndarray]:
    guess, truth = np.asarray(predictions), np.asarray(references)
    if guess.shape != truth.shape or truth.ndim not in (1, 2) or len(truth) == 0:
        raise ValueError(
            f"An interval needs predictions and references of one shape and at least one row; got {guess.shape} and "
            f"{truth.shape}."
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}.")
    return guess, truth


def _middle(scores: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled_scores(
    guesses: Sequence[np.ndarray],
    truth: np.ndarray,
    statistic: Callable[..., np.ndarray],
    samples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return scores of each model's predictions on the same resamples, shape (models, samples)."""
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
            scores[i, drawn] = statistic(
                hits=weights @ (actual & claimed),
                support=weights @ actual,
                claims=weights @ claimed,
                right=weights @ (actual == claimed).all(axis=1),
                rows=len(truth),
                every=truth.ndim == 2,
            )
    return scores


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


# Each takes counts in every resample: `hits` (true positives), `support` and `claims` (predicted), shape
# (block, classes); `right` rows, shape (block,); and `every`, whether absent classes count in means (multi-label).
def _accuracy(*, right: np.ndarray, rows: int, **_: Any) -> np.ndarray:
    return right / rows


def _macro_f1(*, hits: np.ndarray, support: np.ndarray, claims: np.ndarray, every: bool, **_: Any) -> np.ndarray:
    occurs = np.ones_like(hits) if every else support + claims > 0
    return _ratio(2 * hits, support + claims).sum(axis=1) / occurs.sum(axis=1)


def _micro_f1(*, hits: np.ndarray, support: np.ndarray, claims: np.ndarray, **_: Any) -> np.ndarray:
    return _ratio(2 * hits.sum(axis=1), (support + claims).sum(axis=1))


def _weighted_f1(*, hits: np.ndarray, support: np.ndarray, claims: np.ndarray, **_: Any) -> np.ndarray:
    return _ratio((_ratio(2 * hits, support + claims) * support).sum(axis=1), support.sum(axis=1))


STATISTICS: dict[str, Callable[..., np.ndarray]] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "micro_f1": _micro_f1,
    "weighted_f1": _weighted_f1,
}
