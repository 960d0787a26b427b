"""Compare systems that were scored on the same rows, each by one or several training seeds.

The interval of a difference resamples on two levels: rows, the same for both systems, and the seeds of each system,
whose deviations are scaled by sqrt(S / (S - 1)), since S seeds vary less about their own mean than about the true one.
With one seed a side, p is that of a permutation test, which swaps the predictions of the systems on a random half of
the rows; else it is twice the smaller share of resamples on one side of 0. Holm's correction is over all pairs.
References: Efron & Tibshirani (1993), An Introduction to the Bootstrap; Yeh (2000), https://aclanthology.org/C00-2137;
Holm (1979), https://www.jstor.org/stable/4615733
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, macro_f1_of_counts, percentile_interval, resampled_scores


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
        rng, rows = np.random.default_rng(seed), self.counts.shape[1]
        drawn = [_micro_f1(self.counts[:, rng.integers(rows, size=rows)].sum(axis=1)) for _ in range(samples)]
        return np.stack(drawn, axis=1)

    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the difference of micro-F1 with the predictions of a random half of rows swapped."""
        ours, theirs = self.counts[first], self.counts[second]
        kept = np.random.default_rng(seed).integers(2, size=(samples, len(ours)))
        return _micro_f1(kept @ ours + (1 - kept) @ theirs) - _micro_f1(kept @ theirs + (1 - kept) @ ours)


def _micro_f1(counts: np.ndarray) -> np.ndarray:
    hits, both = 2.0 * counts[..., 0], (counts[..., 1] + counts[..., 2]).astype(float)
    return np.divide(hits, both, out=np.zeros_like(hits), where=both > 0)


def gain_interval(scores: RowScores) -> tuple[float, float]:
    """Return the 95 % interval of how much higher the first run's metric is than the second's.

    Example:
        >>> gain_interval(MeanScores(np.array([[0.5, 0.5], [0.25, 0.25]])))
        (0.25, 0.25)
    """
    first, second = scores.resampled(BOOTSTRAP_SAMPLES, 0)
    return percentile_interval(first - second)


@dataclass(frozen=True)
class Difference:
    """The difference of two systems, second - first.

    Args:
        low: lower end of its 95 % interval; `high` is the upper one.
        p: probability of such a difference of equal systems.
        adjusted: p after Holm's correction for all pairs.
        over_seeds: whether the interval covers other seeds.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    adjusted: float
    over_seeds: bool

    @property
    def clear(self) -> bool:
        """Return True if the systems differ at the level of 5 %."""
        return self.adjusted < 0.05


def compare_systems(
    scores: RowScores, systems: Mapping[str, Sequence[int]], *, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0
) -> list[Difference]:
    """Return the difference of each pair of systems, by the numbers of their runs.

    Example:
        >>> rows = MeanScores(np.array([[0.0, 1.0] * 50, [1.0, 1.0] * 50]))
        >>> compare_systems(rows, {"a": [0], "b": [1]})[0].clear
        True
    """
    observed, drawn = scores.observed(), scores.resampled(samples, seed)
    rng = np.random.default_rng(seed)
    found = []
    for first, second in combinations(systems, 2):
        runs = systems[first], systems[second]
        difference = observed[list(runs[1])].mean() - observed[list(runs[0])].mean()
        over_seeds = max(map(len, runs)) > 1
        ends = _seed_means(drawn, runs[1], rng) - _seed_means(drawn, runs[0], rng)
        low, high = percentile_interval(ends)
        if over_seeds:
            p = 2 * (1 + min((ends <= 0).sum(), (ends >= 0).sum())) / (1 + samples)
        else:
            swapped = np.abs(scores.swapped(runs[1][0], runs[0][0], samples, seed))
            p = (1 + (swapped >= abs(difference) - 1e-12).sum()) / (1 + samples)
        p = min(1.0, float(p))
        found.append(Difference(first, second, float(difference), low, high, p, p, over_seeds))
    adjusted = holm([one.p for one in found])
    return [replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True)]


@dataclass(frozen=True)
class Choice:
    """The best of several runs on the same rows.

    Args:
        run: its number.
        expected: its metric on other rows; on those that chose it, it is too high.
        low: lower end of the 95 % interval; `high` is the upper one.
        shares: share of the resamples of rows in which each run is the best.
        differences: ends of the 95 % interval of each run's difference from it.
    """

    run: int
    expected: float
    low: float
    high: float
    shares: tuple[float, ...]
    differences: tuple[tuple[float, float], ...]

    def points(self) -> list[str]:
        """Return the interval of each run's difference in points; the chosen one's is empty.

        Example:
            >>> Choice(0, 0.7, 0.6, 0.8, (0.9, 0.1), ((0.0, 0.0), (-0.05, 0.01))).points()
            ['', '-5.0 to +1.0']
        """
        texts = [f"{100 * low:+.1f} to {100 * high:+.1f}" for low, high in self.differences]
        return ["" if number == self.run else text for number, text in enumerate(texts)]

    def equals(self) -> list[int]:
        """Return the numbers of the other runs that are not clearly worse: their interval includes 0."""
        return [n for n, (_, high) in enumerate(self.differences) if n != self.run and high >= 0]


def choose_run(scores: RowScores, *, samples: int = BOOTSTRAP_SAMPLES, seed: int = 0) -> Choice:
    """Choose the run with the best metric, and estimate its metric on other rows.

        expected = S(best) - mean over resamples b of  S_b(best in b) - mean over resamples of S(best in b)

    Reference: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 17.

    Example:
        >>> chosen = choose_run(MeanScores(np.array([[0.0, 1.0] * 50, [1.0, 1.0] * 50])))
        >>> chosen.run, chosen.expected, chosen.shares
        (1, 1.0, (0.0, 1.0))
    """
    observed, drawn = scores.observed(), scores.resampled(samples, seed)
    run, best = int(observed.argmax()), drawn.argmax(axis=0)
    optimism = float(np.mean(drawn[best, np.arange(samples)] - drawn.mean(axis=1)[best]))
    low, high = (end - optimism for end in percentile_interval(drawn[run]))
    shares = np.bincount(best, minlength=len(observed)) / samples
    differences = tuple(percentile_interval(own - drawn[run]) for own in drawn)
    return Choice(run, float(observed[run]) - optimism, low, high, tuple(shares.tolist()), differences)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number.

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _seed_means(drawn: np.ndarray, runs: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Return the mean over resampled seeds in each resample of rows, shape (samples,)."""
    own = drawn[list(runs)]
    mean = own.mean(axis=0)
    if len(runs) == 1:
        return np.asarray(mean)
    seeds = rng.integers(len(runs), size=own.shape)
    resampled = np.take_along_axis(own, seeds, axis=0).mean(axis=0)
    return np.asarray(mean + (resampled - mean) * np.sqrt(len(runs) / (len(runs) - 1)))
