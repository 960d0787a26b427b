"""How sure a number is: bootstrap intervals over rows, mean and standard deviation over seeds.

The percentile bootstrap draws as many rows as there are, with replacement, scores them, and repeats; the interval holds
the middle 95 % of the scores. Rows that have the same truth and the same prediction are alike to every metric here, so
that a resample is one multinomial draw of how often each pair occurs: 1,000 resamples take milliseconds.

The interval covers the choice of test rows, not the choice of seed: `spread` covers that.
Reference: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

BOOTSTRAP_SAMPLES = 1000
"""How often rows are drawn anew."""

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
    """Percentile bootstrap interval of a metric, over rows.

    Args:
        predictions: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        references: the same for the truth.
        statistic: `accuracy`, `macro_f1`, `micro_f1`, or `weighted_f1`, counted as in
            `nlp_transfer.metrics.classification`; or a function of (predictions, references), which is slower.
        samples: how often rows are drawn.
        seed: of the draws; the same seed gives the same interval.
        level: the share of resamples inside the interval.

    Returns:
        The lower and the upper end.

    Raises:
        ValueError: no rows, shapes that differ, an unknown statistic, or a level outside (0, 1).
    """
    guess, truth = np.asarray(predictions), np.asarray(references)
    if guess.shape != truth.shape or truth.ndim not in (1, 2) or len(truth) == 0:
        raise ValueError(
            f"An interval needs predictions and references of one shape and at least one row; got {guess.shape} and "
            f"{truth.shape}."
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}.")
    rng = np.random.default_rng(seed)
    if callable(statistic):
        rows = len(truth)
        draws = (rng.integers(rows, size=rows) for _ in range(samples))
        scores = np.array([statistic(guess[draw], truth[draw]) for draw in draws])
    elif statistic in STATISTICS:
        scores = np.concatenate(list(_resampled_scores(guess, truth, STATISTICS[statistic], samples, rng)))
    else:
        raise ValueError(f"Unknown statistic {statistic!r}. Statistics: {', '.join(STATISTICS)}, or a function.")
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def spread(values: Sequence[float]) -> tuple[float, float | None, int]:
    """Mean, standard deviation (n - 1 in the denominator; None for one value), and how many values.

    Raises:
        ValueError: no values.
    """
    if len(values) == 0:
        raise ValueError("A spread needs at least one value; got none.")
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), deviation, len(values)


def _resampled_scores(
    guess: np.ndarray, truth: np.ndarray, statistic: Callable[..., np.ndarray], samples: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Blocks of scores, each shape (block,), from draws of the distinct (truth, prediction) pairs."""
    both = np.column_stack([truth, guess])
    pairs, counts = np.unique(both, axis=0, return_counts=True)
    if truth.ndim == 1:
        classes = np.arange(both.max() + 1)
        actual, predicted = (pairs[:, [side]] == classes for side in (0, 1))
    else:
        actual, predicted = np.split(pairs.astype(bool), 2, axis=1)
    right = (actual == predicted).all(axis=1)
    block = max(1, _CELLS // len(pairs))
    for start in range(0, samples, block):
        # weights: how often each pair occurs in each resample, shape (block, pairs)
        weights = rng.multinomial(len(truth), counts / len(truth), size=min(block, samples - start)).astype(float)
        hits, support, claims = (weights @ indicator for indicator in (actual & predicted, actual, predicted))
        yield statistic(
            hits=hits, support=support, claims=claims, right=weights @ right, rows=len(truth), every=truth.ndim == 2
        )


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
