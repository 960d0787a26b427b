"""Baselines of classes with an order."""

import numpy as np
import pytest

from nlp_transfer.tasks.ordinal_classification.baselines import BASELINES, median, rounded_ridge

TEXTS = ["bad", "fair", "good", "fine"] * 5
LABELS = np.array([0, 1, 2, 3] * 5)


def test_the_median_is_a_class_with_the_least_mean_distance():
    for labels in ([0, 0, 3], [0, 1, 3, 3], [2, 2, 0, 1, 4, 4]):
        answer = median(["x"] * len(labels), np.array(labels))(["y"])[0]
        assert abs(np.array(labels) - answer).mean() == min(abs(np.array(labels) - k).mean() for k in range(5))


def test_the_ridge_rounds_to_a_class_of_training():
    predict = rounded_ridge(TEXTS, LABELS)
    assert predict(TEXTS[:4]).tolist() == [0, 1, 2, 3]
    assert predict(["bad fair"])[0] in (0, 1)
    assert predict(["unknown"]).min() >= 0
    assert rounded_ridge(["?", "!", "."], np.array([0, 1, 1]))(["a"]).tolist() == [1]


@pytest.mark.parametrize("name", BASELINES)
def test_each_predicts_as_many_rows_as_it_is_given(name):
    assert BASELINES[name](TEXTS, LABELS)(["bad", "good"]).shape == (2,)
