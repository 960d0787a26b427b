"""Score predicted numbers: R², errors and correlations, with 95 % bootstrap intervals over rows.

    R² = 1 - sum_i (y_i - p_i)^2 / sum_i (y_i - mean y)^2     MAE = mean_i |y_i - p_i|     MSE = mean_i (y_i - p_i)^2

R² is 0 for whoever always predicts the mean of the rows that are scored, and below it for worse. Of several numbers a
row R² and the correlations are means over the numbers; errors, which have units, are of each number alone. Spearman's
is the correlation of ranks, which resamples keep as they are in the whole split. A score that is undefined, such as
the correlation of a constant, is None.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import percentile_interval, resample_counts
from nlp_transfer.metrics.metric import RegressionRows
from nlp_transfer.metrics.row_scores import RowScores

_NAMES = ("r2", "mae", "mse", "pearson", "spearman")
_IN_UNITS = ("mae", "mse")


def regression_scores(rows: RegressionRows) -> dict[str, Any]:
    """Return `r2`, `mae`, `mse`, `pearson` and `spearman`, and `per_value` with those of each number.

    With `interval` also `…_low` and `…_high`; with `half_widths` the share of true numbers inside the intervals
    (`interval_coverage`) and the width of these (`interval_width`). Of several numbers `mae`, `mse` and
    `interval_width` are left out.

    Example:
        >>> truth, guesses = np.array([[1.0], [2.0], [3.0], [6.0]]), np.array([[1.0], [2.0], [4.0], [5.0]])
        >>> scores = regression_scores(RegressionRows(guesses, truth, ["price"]))
        >>> round(scores["r2"], 3), scores["mae"], scores["spearman"]
        (0.857, 0.5, 1.0)
    """
    truth, guesses = (np.asarray(side, dtype=np.float64) for side in (rows.references, rows.predictions))
    once = np.ones((1, len(truth)))
    parts = [_Number(truth[:, k], guesses[:, k]) for k in range(truth.shape[1])]
    own = [{name: _known(values[0]) for name, values in part.scores(once).items()} for part in parts]
    per_value = dict(zip(rows.names, own, strict=True))
    scores: dict[str, Any] = {"rows": len(truth)}
    names = _NAMES if len(own) == 1 else [name for name in _NAMES if name not in _IN_UNITS]
    for name in names:
        known = [value for one in own if (value := one[name]) is not None]
        scores[name] = float(np.mean(known)) if len(known) == len(own) else None
    if rows.interval:
        drawn = [
            np.mean([_stacked(part.scores(weights)) for part in parts], axis=0)
            for weights in resample_counts(len(truth))
        ]
        for name, values in zip(_NAMES, np.concatenate(drawn, axis=1), strict=True):
            if name not in names:
                continue
            defined = values[~np.isnan(values)]
            low, high = percentile_interval(defined) if len(defined) else (None, None)
            scores |= {f"{name}_low": low, f"{name}_high": high}
    if rows.half_widths is not None:
        inside = np.abs(truth - guesses) <= rows.half_widths
        scores["interval_coverage"] = float(inside.mean())
        for name, share in zip(rows.names, inside.mean(axis=0), strict=True):
            per_value[name]["interval_coverage"] = float(share)
        scores |= {"interval_width": float(2 * rows.half_widths[0])} if len(own) == 1 else {}
    return {**scores, "per_value": per_value}


@dataclass(frozen=True)
class NumberScores(RowScores):
    """R² of predicted numbers.

    Args:
        predictions: shape (runs, rows, numbers).
        references: the truth, shape (rows, numbers).

    Example:
        >>> truth = np.array([[1.0], [2.0], [3.0]])
        >>> NumberScores(np.stack([truth, truth * 0 + 2]), truth).observed()
        array([1., 0.])
    """

    predictions: np.ndarray
    references: np.ndarray

    def observed(self) -> np.ndarray:
        """Return the R² of each run."""
        return self._scores(np.ones((1, len(self.references))))[:, 0]

    def resampled(self, samples: int, seed: int) -> np.ndarray:
        """Return the R² of resamples."""
        blocks = resample_counts(len(self.references), samples, seed)
        return np.concatenate([self._scores(weights) for weights in blocks], axis=1)

    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the difference of R² with the predictions of a random half of rows swapped."""
        kept = np.random.default_rng(seed).integers(2, size=(samples, len(self.references))).astype(float)
        ours, theirs = ((self.predictions[run] - self.references) ** 2 for run in (first, second))
        spread = ((self.references - self.references.mean(axis=0)) ** 2).sum(axis=0)
        apart = (2 * kept - 1) @ (theirs - ours)  # the squared errors of one side less those of the other
        return np.asarray((apart / spread).mean(axis=1))

    def _scores(self, weights: np.ndarray) -> np.ndarray:
        """Return the R² of each run, 0 where it is undefined, shape (runs, resamples)."""
        runs = [
            [_Number(self.references[:, k], run[:, k]).scores(weights)["r2"] for k in range(run.shape[1])]
            for run in self.predictions
        ]
        return np.nan_to_num(np.array(runs).mean(axis=1))


class _Number:
    """The sums over rows from which the scores of one number follow."""

    def __init__(self, truth: np.ndarray, guesses: np.ndarray) -> None:
        from scipy.stats import rankdata

        self.apart = guesses - truth
        self.truth, self.guesses = _centred(truth), _centred(guesses)
        self.ranks = _centred(rankdata(truth)), _centred(rankdata(guesses))

    def scores(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Return each score of resamples, NaN where undefined; `weights`: how often each row occurs."""
        count = weights.sum(axis=1)
        squares = weights @ self.apart**2
        return {
            "r2": 1 - _ratio(squares, _spread(self.truth, weights)),
            "mae": weights @ np.abs(self.apart) / count,
            "mse": squares / count,
            "pearson": _correlation(self.truth, self.guesses, weights),
            "spearman": _correlation(*self.ranks, weights),
        }


def _centred(values: np.ndarray) -> np.ndarray:
    """Return values less their mean; exact zeros for a constant."""
    return values - values.mean() if np.ptp(values) else np.zeros(len(values))


def _spread(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the sum of squared distances from the mean in each resample; 0 where only rounding is left of it."""
    squares = weights @ values**2
    spread = squares - (weights @ values) ** 2 / weights.sum(axis=1)
    return np.where(spread > 1e-12 * squares, spread, 0.0)


def _correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    both = weights @ (x * y) - (weights @ x) * (weights @ y) / weights.sum(axis=1)
    return _ratio(both, np.sqrt(_spread(x, weights) * _spread(y, weights)))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _stacked(scores: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([scores[name] for name in _NAMES])


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
