"""Baselines of regression: the mean of training, and a ridge regression on TF-IDF of words and word pairs."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nlp_transfer.tasks.reading.baselines import NumberPredictor, mean, tfidf_ridge

BASELINES: Mapping[str, Callable[[Sequence[str], np.ndarray], NumberPredictor]] = {
    "mean": mean,
    "tfidf_ridge": tfidf_ridge,
}
"""The baselines by name. One line a baseline."""
