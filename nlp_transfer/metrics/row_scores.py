"""Score runs by the same rows: the metric of each, its resamples, and the interval of how far two lie apart.

A task makes them of its lines of predictions; what compares runs needs to know nothing else of the task.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.bootstrap import (
    BOOTSTRAP_SAMPLES,
    macro_f1_of_counts,
    percentile_interval,
    resample_counts,
    resampled_scores,
)


class RowScores(ABC):
    """The rows of several runs, from which one metric is computed."""

    @abstractmethod
    def observed(self) -> np.ndarray:
        """Return the metric of each run, shape (runs,)."""

    @abstractmethod
    def resampled(self, samples: int, seed: int) -> np.ndarray:
        """Return the metric of each run on the same resamples of rows, shape (runs, samples)."""

    @abstractmethod
    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the difference of two runs whose predictions are swapped on a random half of rows, (samples,)."""


@dataclass(frozen=True)
class MeanScores(RowScores):
    """A metric that is a mean over rows; `values` has the shape (runs, rows)."""

    values: np.ndarray

    def observed(self) -> np.ndarray:
        """Return the mean of each run."""
        return np.asarray(self.values.mean(axis=1))

    def resampled(self, samples: int, seed: int) -> np.ndarray:
        """Return the means of resamples."""
        rng, rows = np.random.default_rng(seed), self.values.shape[1]
        return np.stack([self.values[:, rng.integers(rows, size=rows)].mean(axis=1) for _ in range(samples)], axis=1)

    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the mean difference with random signs."""
        apart = self.values[first] - self.values[second]
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(samples, len(apart)))
        return np.asarray(signs @ apart / len(apart))


@dataclass(frozen=True)
class ClassScores(RowScores):
    """Macro-F1 of classified rows.

    Args:
        predictions: class ids of each run, shape (runs, rows), or zeros and ones, shape (runs, rows, classes).
        references: the truth, shape (rows,) or (rows, classes).
    """

    predictions: np.ndarray
    references: np.ndarray

    def observed(self) -> np.ndarray:
        """Return the macro-F1 of each run."""
        several, classes = self.references.ndim == 2, np.arange(1 + max(self.references.max(), self.predictions.max()))
        true, *runs = (
            (side == 1 if several else side[:, None] == classes) for side in (self.references, *self.predictions)
        )
        counts = [((true & one).sum(axis=0), true.sum(axis=0) + one.sum(axis=0)) for one in runs]
        hits, total = (np.stack(side).astype(float) for side in zip(*counts, strict=True))
        return macro_f1_of_counts(hits, total, absent=several)

    def resampled(self, samples: int, seed: int) -> np.ndarray:
        """Return the macro-F1 of resamples."""
        return resampled_scores(list(self.predictions), self.references, "macro_f1", samples, seed)

    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the difference of macro-F1 with predictions swapped.

        Rows with the same truth and predictions are interchangeable: how many of them are swapped is binomial.
        """
        sides = [self.references, self.predictions[first], self.predictions[second]]
        several = self.references.ndim == 2
        distinct, counts = np.unique(np.column_stack(sides), axis=0, return_counts=True)
        if several:
            true, ours, theirs = (side.astype(float) for side in np.split(distinct, 3, axis=1))
        else:
            classes = np.arange(distinct.max() + 1)
            true, ours, theirs = ((distinct[:, [k]] == classes).astype(float) for k in range(3))
        kept = np.random.default_rng(seed).binomial(counts, 0.5, size=(samples, len(counts)))

        def score(of_first: np.ndarray) -> np.ndarray:
            of_second = counts - of_first
            hits = of_first @ (true * ours) + of_second @ (true * theirs)
            total = counts @ true + of_first @ ours + of_second @ theirs
            return macro_f1_of_counts(hits, total, absent=several)

        return score(kept) - score(counts - kept)


@dataclass(frozen=True)
class CountScores(RowScores):
    """Micro-F1 of what is found in rows, such as entities.

    Args:
        counts: what is right, what is predicted and what there is, shape (runs, rows, 3).

    Example:
        >>> CountScores(np.array([[[1, 2, 1], [0, 0, 1]]])).observed()
        array([0.5])
    """

    counts: np.ndarray

    def observed(self) -> np.ndarray:
        """Return the micro-F1 of each run."""
        return _micro_f1(self.counts.sum(axis=1))

    def resampled(self, samples: int, seed: int) -> np.ndarray:
        """Return the micro-F1 of resamples."""
        blocks = resample_counts(self.counts.shape[1], samples, seed)
        return np.concatenate([_micro_f1(weights @ self.counts) for weights in blocks], axis=1)

    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the difference of micro-F1 with the predictions of a random half of rows swapped."""
        ours, theirs = self.counts[first], self.counts[second]
        kept = np.random.default_rng(seed).integers(2, size=(samples, len(ours)))
        return _micro_f1(kept @ ours + (1 - kept) @ theirs) - _micro_f1(kept @ theirs + (1 - kept) @ ours)


def _micro_f1(counts: np.ndarray) -> np.ndarray:
    hits, both = 2.0 * counts[..., 0], (counts[..., 1] + counts[..., 2]).astype(float)
    return np.divide(hits, both, out=np.zeros_like(hits), where=both > 0)


def gain_scores(metric: str, scores: RowScores) -> dict[str, float]:
    """Return the ends of `gain_interval` by name, as they stand in the scores of the second run.

    Example:
        >>> gain_scores("r2", MeanScores(np.array([[0.5, 0.5], [0.25, 0.25]])))
        {'r2_gain_low': 0.25, 'r2_gain_high': 0.25}
    """
    low, high = gain_interval(scores)
    return {f"{metric}_gain_low": low, f"{metric}_gain_high": high}


def gain_interval(scores: RowScores) -> tuple[float, float]:
    """Return the 95 % interval of how much higher the first run's metric is than the second's.

    Example:
        >>> gain_interval(MeanScores(np.array([[0.5, 0.5], [0.25, 0.25]])))
        (0.25, 0.25)
    """
    first, second = scores.resampled(BOOTSTRAP_SAMPLES, 0)
    return percentile_interval(first - second)
