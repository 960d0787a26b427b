"""Fit the learning curve of a probe, and expect what more labels bring.

Probes learn from a quarter, a half and all of the labelled texts. Each doubling brings less than the one before:

    gain of the next = 0.7 times the mean gain of the last two

and of k more labels beside n, log2(1 + k / n) times that. A power law with three parameters, fitted to as few points,
is further off (configs/README.md).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.diagnosis.probes import decide, held_out_logits
from nlp_transfer.tasks.base import FittedTask

Folds = Sequence[tuple[np.ndarray, np.ndarray]]
"""(training rows, other rows) of each fold."""

SHARES = (0.25, 0.5, 1.0)
"""Shares of the labelled texts, each twice the one before."""

DRAWS = 3
"""Number of random draws of each share."""

RATIO = 0.7
"""Gain of the next doubling, relative to the mean of the last two."""

HALF_WIDTH = 0.03
"""Half of the width of the 90 % interval of that gain, in accuracy."""

MIN_LABELS = 120
"""Number of labelled texts below which a curve says nothing."""


class LearningCurve(NamedTuple):
    """Hold the scores of probes that learn from shares of the labelled texts, shape (shares, draws) each.

    Args:
        texts: number of labelled texts of each share.
    """

    texts: tuple[int, ...]
    accuracy: np.ndarray
    macro_f1: np.ndarray

    @property
    def gain(self) -> tuple[float, float, float]:
        """The expected gain in accuracy of twice as many labels, and its 90 % interval."""
        return expected_gain(self.accuracy.mean(axis=1).tolist())


def fit_curve(
    features: np.ndarray, labels: np.ndarray, draws: Sequence[Folds], task: FittedTask, l2: float
) -> LearningCurve:
    """Return the curve of a layer, by cross-validation.

    Args:
        features: shape (rows, hidden).
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        draws: the folds of each random draw.
        l2: penalty of the probe.
    """
    right, macro_f1 = np.zeros((2, len(SHARES), len(draws)))
    for draw, folds in enumerate(draws):
        for place, share in enumerate(SHARES):
            rng = np.random.default_rng(draw)
            some = [(rng.permutation(train)[: max(2, round(share * len(train)))], held) for train, held in folds]
            (logits,) = held_out_logits(features, labels, some, task, [l2])
            predicted = decide(task.probabilities(logits.numpy()), multi_label=task.multi_label)
            scores = classification_metrics(predicted, labels, task.label_names, multi_label=task.multi_label)
            right[place, draw] = (predicted == labels).reshape(len(labels), -1).all(axis=1).mean()
            macro_f1[place, draw] = float(scores["macro_f1"])
    return LearningCurve(tuple(round(share * len(labels)) for share in SHARES), right, macro_f1)


def expected_gain(scores: list[float]) -> tuple[float, float, float]:
    """Return the gain of twice as many labels, and its 90 % interval.

    Args:
        scores: accuracy by a quarter, a half and all of the labels.

    Example:
        >>> [round(value, 3) for value in expected_gain([0.6, 0.7, 0.75])]
        [0.053, 0.023, 0.083]
    """
    gain = RATIO * max(0.0, (scores[-1] - scores[0]) / 2)
    return gain, max(0.0, gain - HALF_WIDTH), gain + HALF_WIDTH
