"""Score probabilities: calibration error, Brier score, negative log-likelihood, and the risk-coverage curve.

    ECE   = sum_b |sum_{i in b} (y_i - c_i)| / n    over bins of equally many confidences c; y is 1 where it came true
    Brier = mean_i sum_k (p_ik - y_ik)^2            for multi-label the mean over labels in place of the sum
    NLL   = mean_i -log p_i(y_i)                    for multi-label the mean over labels
    AURC  = mean_k (errors among the k surest) / k  over all k; the order of equally sure rows is averaged

These are scores of probabilities, so that thresholds and costs change none of them: the prediction is the most probable
class, of classes with an order the median, and of several labels those of at least 0.5. Its confidence is its
probability: in ECE that of each label, in AURC that of all labels together (their product).
References: Guo et al. (2017), https://arxiv.org/abs/1706.04599; Geifman & El-Yaniv (2017),
https://arxiv.org/abs/1705.08500
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, percentile_interval
from nlp_transfer.metrics.metric import ProbabilityRows

BINS = 15
"""Maximum number of bins of the calibration error."""

ROWS_A_BIN = 10
"""Minimum number of decisions of a bin."""

_OF_ENTITIES = ("entities_accepted", "accepted_entity_precision")
_OF_NUMBERS = ("interval_coverage", "interval_width")
_PROMISES = (
    "accepted",
    "accepted_precision",
    "coverage",
    "coverage_per_class",
    "set_size",
    *_OF_ENTITIES,
    *_OF_NUMBERS,
)

_CELLS = 4_000_000  # numbers in one block of resamples: 32 MB


def probability_scores(rows: ProbabilityRows) -> dict[str, Any]:
    """Return `ece`, `brier`, `nll` and `aurc`, and what was configured of the following.

    `accepted`, the share of rows on which the decision does not abstain, and `accepted_precision`; `coverage`, the
    share of true classes that are in the sets, `coverage_per_class` and the mean `set_size`; `cost`, the mean of
    decisions, and `plain_cost`, that of predictions without costs. A score of no row is None. With `…_low` and `…_high`
    of the 95 % bootstrap interval if wanted.

    Example:
        >>> rows = ProbabilityRows(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]), np.array([0, 0]), "ab")
        >>> {name: round(score, 3) for name, score in probability_scores(rows).items()}
        {'ece': 0.25, 'brier': 0.37, 'nll': 0.511, 'aurc': 0.25}
    """
    parts = _Parts(rows)
    scores: dict[str, Any] = {name: _number(value[0]) for name, value in parts.scores(np.ones((1, parts.rows))).items()}
    if rows.interval:
        drawn = [parts.scores(weights) for weights in _resamples(parts.rows)]
        for name in list(scores):
            values = np.concatenate([scored[name] for scored in drawn])
            known = values[~np.isnan(values)]
            low, high = percentile_interval(known) if len(known) else (None, None)
            scores |= {f"{name}_low": low, f"{name}_high": high}
    if rows.sets is not None:
        inside, true = rows.sets, _one_hot(rows)
        names = enumerate(rows.label_names)
        shares = {name: float(inside[true[:, k], k].mean()) if true[:, k].any() else None for k, name in names}
        scores["coverage_per_class"] = shares
    return scores


def without_promises(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores without those that tell how a decision keeps its promises, for the rows that it was fitted on.

    Example:
        >>> without_promises({"ece": 0.1, "coverage": 0.9, "coverage_low": 0.8})
        {'ece': 0.1}
    """
    promises = {name + end for name in _PROMISES for end in ("", "_low", "_high")}
    return {name: score for name, score in scores.items() if name not in promises}


def confidences(probabilities: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return the probability of each prediction; of several labels that of all together, shape (rows,).

    Example:
        >>> confidences(np.array([[0.9, 0.2]]), np.array([[1, 0]])).round(2).tolist()
        [0.72]
    """
    if predictions.ndim == 2:
        return np.asarray(np.where(predictions == 1, probabilities, 1 - probabilities).prod(axis=1))
    return np.asarray(probabilities[np.arange(len(probabilities)), predictions])


def plain_predictions(probabilities: np.ndarray, *, several: bool) -> np.ndarray:
    """Return the most probable class, shape (rows,); for several labels 1 from 0.5 on, shape (rows, classes)."""
    return np.asarray((probabilities >= 0.5).astype(int) if several else probabilities.argmax(axis=1))


def confidence_and_correctness(
    probabilities: np.ndarray, references: np.ndarray, plain: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence of each plain prediction, and whether it is right, shape (rows,) each.

    Args:
        plain: the predictions; None is the most probable class, of several labels those of at least 0.5.

    Example:
        >>> sure, right = confidence_and_correctness(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
        >>> sure.tolist(), right.tolist()
        ([0.9, 0.6], [True, False])
    """
    predictions = plain_predictions(probabilities, several=references.ndim == 2) if plain is None else plain
    right = (predictions == references).reshape(len(predictions), -1).all(axis=1)
    return confidences(probabilities, predictions), right


def claims(
    probabilities: np.ndarray, references: np.ndarray, plain: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities that a calibration error compares with what came true, shape (rows, claims) each.

    A claim a row, the plain prediction; for several labels one a label.
    """
    if references.ndim == 2:
        return probabilities, references == 1
    sure, right = confidence_and_correctness(probabilities, references, plain)
    return sure[:, None], right[:, None]


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """Return the bin of each confidence, from 0: about equally many in each, and equal ones together.

    Example:
        >>> bins_of(np.repeat([0.2, 0.9, 0.5], 10)).tolist() == [0] * 10 + [2] * 10 + [1] * 10
        True
    """
    _, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2  # mean rank of equal confidences, from 0
    bins = max(1, min(BINS, len(confidence) // ROWS_A_BIN))
    return np.asarray((middle / len(confidence) * bins).astype(int)[place])


def risk_coverage_curve(confidence: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of rows that are at least as sure as each level, and their error rate; the surest level first.

    Example:
        >>> [side.tolist() for side in risk_coverage_curve(np.array([0.9, 0.6, 0.6]), np.array([0, 1, 0]))]
        [[0.3333333333333333, 1.0], [0.0, 0.3333333333333333]]
    """
    _, place, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    accepted = np.cumsum(counts)
    wrong = np.cumsum(np.bincount(place, weights=errors))
    return accepted / len(confidence), wrong / accepted


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _one_hot(rows: ProbabilityRows) -> np.ndarray:
    """Return whether each class is true, bool, shape (rows, classes)."""
    truth = np.asarray(rows.references)
    return np.asarray(truth == 1 if truth.ndim == 2 else truth[:, None] == np.arange(len(rows.label_names)))


class _Parts:
    """Numbers a row from which the scores of a resample are computed."""

    def __init__(self, rows: ProbabilityRows) -> None:
        p, truth = np.asarray(rows.probabilities, dtype=np.float64), np.asarray(rows.references)
        self.rows, true = len(p), _one_hot(rows)
        sure, right = confidence_and_correctness(p, truth, rows.plain)
        claimed, came_true = claims(p, truth, rows.plain)
        bins = bins_of(claimed.ravel()).reshape(claimed.shape)
        self.gaps = np.stack([((came_true - claimed) * (bins == b)).sum(axis=1) for b in range(bins.max() + 1)], axis=1)
        self.decisions = claimed.size
        self.levels = np.unique(-sure, return_inverse=True)[1]
        self.errors = (~right).astype(float)
        self.harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, self.rows + 1))])
        decided_right = (rows.predictions == truth).reshape(self.rows, -1).all(axis=1)
        self.ratios = self._ratios(rows, p, true, decided_right)

    def _ratios(
        self, rows: ProbabilityRows, p: np.ndarray, true: np.ndarray, right: np.ndarray
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the scores that are the ratio of two sums over rows, as the summands, shape (rows,) each."""
        one, tiny, several = np.ones(self.rows), np.finfo(np.float64).tiny, np.ndim(rows.references) == 2
        apart = (p - true) ** 2
        logs = -np.log(np.maximum(np.where(true, p, 1 - p if several else 1.0), tiny))
        ratios = {
            "brier": (apart.mean(axis=1) if several else apart.sum(axis=1), one),
            "nll": (logs.mean(axis=1) if several else logs.sum(axis=1), one),
        }
        if rows.accepted is not None:
            ratios["accepted"] = (rows.accepted.astype(float), one)
            ratios["accepted_precision"] = ((rows.accepted & right).astype(float), rows.accepted.astype(float))
        if rows.sets is not None:
            ratios["coverage"] = ((rows.sets & true).sum(axis=1).astype(float), true.sum(axis=1).astype(float))
            ratios["set_size"] = (rows.sets.sum(axis=1).astype(float), one)
        if rows.costs is not None and rows.plain_costs is not None:
            ratios |= {"cost": (rows.costs, one), "plain_cost": (rows.plain_costs, one)}
        return ratios

    def scores(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Return the scores of resamples, NaN if of no row; `weights`: how often each row occurs, (resamples, rows)."""
        scores = {"ece": np.abs(weights @ self.gaps).sum(axis=1) / self.decisions}
        for name, (above, below) in self.ratios.items():
            count = weights @ below
            scores[name] = np.divide(weights @ above, count, out=np.full(len(weights), np.nan), where=count > 0)
        return {**scores, "aurc": np.array([self._aurc(row) for row in weights])}

    def _aurc(self, weights: np.ndarray) -> float:
        """Return the mean error rate among the k surest rows.

        Of W equally sure rows with E errors, after C surer ones with F errors, the j-th adds E / W errors on average:
        the sum of (F + j E / W) / (C + j) over j = 1 … W is E + (F - C E / W) (H(C + W) - H(C)).
        """
        count = np.bincount(self.levels, weights=weights)
        wrong = np.bincount(self.levels, weights=weights * self.errors)
        count, wrong = count[count > 0], wrong[count > 0]
        until = np.cumsum(count).astype(int)
        before, wrong_before = until - count.astype(int), np.cumsum(wrong) - wrong
        steps = self.harmonic[until] - self.harmonic[before]
        return float((wrong + (wrong_before - before * wrong / count) * steps).sum() / self.rows)


def _resamples(rows: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Yield blocks of how often each row occurs in resamples, shape (resamples, rows)."""
    rng, block = np.random.default_rng(seed), max(1, _CELLS // rows)
    for start in range(0, BOOTSTRAP_SAMPLES, block):
        size = min(block, BOOTSTRAP_SAMPLES - start)
        yield np.stack([np.bincount(rng.integers(rows, size=rows), minlength=rows) for _ in range(size)]).astype(float)
