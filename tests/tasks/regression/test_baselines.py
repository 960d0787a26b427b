"""Baselines of numbers."""

import numpy as np
import pytest

from nlp_transfer.tasks.regression.baselines import BASELINES, mean, tfidf_ridge

TEXTS, VALUES = ["cheap thing", "dear thing"] * 6, np.array([[1.0, 10.0], [9.0, 90.0]] * 6)


def test_the_mean_of_training():
    assert mean(TEXTS, VALUES)(["a", "b"]).tolist() == [[5.0, 50.0], [5.0, 50.0]]


def test_the_ridge_learns_from_words():
    found = tfidf_ridge(TEXTS, VALUES)(["dear thing", "cheap thing"])
    np.testing.assert_allclose(found, [[9.0, 90.0], [1.0, 10.0]], rtol=0.1)
    assert tfidf_ridge(TEXTS, VALUES[:, :1])(["dear thing"]).shape == (1, 1)
    assert tfidf_ridge(["?", "!"], VALUES[:2])(["a"]).tolist() == [[5.0, 50.0]]


@pytest.mark.parametrize("name", BASELINES)
def test_each_predicts_rows_of_numbers(name):
    assert BASELINES[name](TEXTS, VALUES)(["x", "y", "z"]).shape == (3, 2)
