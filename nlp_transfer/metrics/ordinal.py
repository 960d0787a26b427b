"""Score predictions of classes with an order: quadratic kappa, and the mean distance in classes.

    kappa = 1 - sum_i (t_i - p_i)^2 / E,    E = sum_i t_i^2 + sum_i p_i^2 - 2 (sum_i t_i) (sum_i p_i) / n
    MAE   = mean_i |t_i - p_i|

E is what the squared distances would sum to if predictions knew nothing of the n references. Where it is 0, all rows
are of one class and predicted as it, and kappa counts as 0.
Reference: Cohen (1968), Weighted kappa, https://doi.org/10.1037/h0026256
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import bootstrap_interval, kappa_of_counts, kappa_of_sums, resample_counts
from nlp_transfer.metrics.metric import OrdinalRows
from nlp_transfer.metrics.row_scores import RowScores


def ordinal_scores(rows: OrdinalRows) -> dict[str, Any]:
    """Return `quadratic_kappa` and `mae_in_classes`, with the 95 % intervals `…_low` and `…_high` if wanted.

    Example:
        >>> ordinal_scores(OrdinalRows(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1])))
        {'quadratic_kappa': 0.8, 'mae_in_classes': 0.25}
    """
    predictions, references = np.asarray(rows.predictions), np.asarray(rows.references)
    once = np.ones((1, len(references)))
    scores: dict[str, Any] = {
        "quadratic_kappa": float(kappa_of_counts(references, predictions, once)[0]),
        "mae_in_classes": float(np.abs(references - predictions).mean()),
    }
    if rows.interval:
        for name in list(scores):
            low, high = bootstrap_interval(predictions, references, name)
            scores |= {f"{name}_low": low, f"{name}_high": high}
    return scores


@dataclass(frozen=True)
class KappaScores(RowScores):
    """Quadratic kappa of rows of classes with an order.

    Args:
        predictions: class ids of each run, shape (runs, rows).
        references: the truth, shape (rows,).

    Example:
        >>> KappaScores(np.array([[0, 1, 2], [1, 1, 1]]), np.array([0, 1, 2])).observed()
        array([1., 0.])
    """

    predictions: np.ndarray
    references: np.ndarray

    def observed(self) -> np.ndarray:
        """Return the kappa of each run."""
        once = np.ones((1, len(self.references)))
        return np.array([kappa_of_counts(self.references, run, once)[0] for run in self.predictions])

    def resampled(self, samples: int, seed: int) -> np.ndarray:
        """Return the kappa of resamples."""
        blocks = [
            np.stack([kappa_of_counts(self.references, run, weights) for run in self.predictions])
            for weights in resample_counts(len(self.references), samples, seed)
        ]
        return np.concatenate(blocks, axis=1)

    def swapped(self, first: int, second: int, samples: int, seed: int) -> np.ndarray:
        """Return the difference of kappas with the predictions of a random half of rows swapped."""
        t, rows = self.references.astype(float), len(self.references)
        kept = np.random.default_rng(seed).integers(2, size=(samples, rows)).astype(float)
        sides = [self.predictions[run].astype(float) for run in (first, second)]

        def score(of_first: np.ndarray) -> np.ndarray:
            shares = (of_first, 1 - of_first)
            apart, squares, guesses = (
                sum(share @ of(side) for share, side in zip(shares, sides, strict=True))
                for of in (lambda p: (t - p) ** 2, lambda p: p**2, lambda p: p)
            )
            return kappa_of_sums(apart, squares + (t**2).sum(), t.sum(), guesses, rows)  # type: ignore[arg-type]

        return score(kept) - score(1 - kept)
