"""Baselines of regression: the mean of training, and a ridge regression on TF-IDF of words and word pairs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nlp_transfer.tasks.reading.baselines import NumberPredictor, mean, tfidf_ridge

Baseline = Callable[[Sequence[Any], np.ndarray], NumberPredictor]
"""Training texts, or pairs of them, and their numbers, shape (rows, numbers), to a fitted predictor."""

BASELINES: Mapping[str, Baseline] = {
    "mean": mean,
    "tfidf_ridge": tfidf_ridge,
}
"""The baselines by name. One line a baseline."""
