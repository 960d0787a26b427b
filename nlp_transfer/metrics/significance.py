"""Compare systems that were scored on the same rows, each by one or several training seeds.

The interval of a difference resamples on two levels: rows, the same for both systems, and the seeds of each system,
whose deviations are scaled by sqrt(S / (S - 1)), since S seeds vary less about their own mean than about the true one.
With one seed a side, p is that of a permutation test, which swaps the predictions of the systems on a random half of
the rows; else it is twice the smaller share of resamples on one side of 0. Holm's correction is over all pairs.
References: Efron & Tibshirani (1993), An Introduction to the Bootstrap; Yeh (2000), https://aclanthology.org/C00-2137;
Holm (1979), https://www.jstor.org/stable/4615733
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, percentile_interval
from nlp_transfer.metrics.row_scores import RowScores


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
        >>> from nlp_transfer.metrics.row_scores import MeanScores
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
        >>> from nlp_transfer.metrics.row_scores import MeanScores
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
