"""The metrics of runs, their resamples, and how far two runs lie apart."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from nlp_transfer.metrics.row_scores import ClassScores, CountScores, MeanScores, gain_interval, gain_scores

TRUTH = np.array([0, 0, 1, 1, 2])
RUNS = np.array([[0, 0, 1, 1, 2], [0, 1, 1, 1, 0]])


def test_macro_f1_of_runs_is_that_of_scikit_learn():
    expected = [f1_score(TRUTH, run, average="macro", zero_division=0) for run in RUNS]
    assert ClassScores(RUNS, TRUTH).observed().tolist() == pytest.approx(expected)


def test_macro_f1_of_several_labels():
    truth, runs = np.array([[1, 0], [1, 1]]), np.array([[[1, 0], [1, 1]], [[1, 0], [0, 0]]])
    assert ClassScores(runs, truth).observed().tolist() == pytest.approx([1.0, (2 / 3 + 0) / 2])


def test_swapping_all_rows_or_none_turns_the_difference_around():
    scores = ClassScores(RUNS[:, :1], TRUTH[:1])  # both right: no swap changes anything
    assert set(scores.swapped(0, 1, 50, seed=0)) == {0.0}
    first, second = ClassScores(RUNS[:, 1:2], TRUTH[1:2]).observed()
    swapped = ClassScores(RUNS[:, 1:2], TRUTH[1:2]).swapped(0, 1, 50, seed=0)
    assert set(swapped) == {first - second, second - first}


def test_a_gain_on_the_same_rows():
    theirs = np.random.default_rng(0).random(200)
    low, high = gain_interval(MeanScores(np.stack([theirs + 0.1, theirs])))
    assert low == pytest.approx(0.1) == high  # whatever the rows, ours are higher by a tenth
    crossed = MeanScores(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert gain_scores("rouge1", crossed) == {"rouge1_gain_low": -1.0, "rouge1_gain_high": 1.0}


def test_swapping_all_counts_turns_the_difference():
    counts = np.zeros((2, 40, 3), dtype=int)
    counts[:, :, 2] = counts[:, :, 1] = 1
    counts[0, :, 0] = 1
    scores = CountScores(counts)
    assert scores.observed().tolist() == [1.0, 0.0]
    assert scores.resampled(10, 0).tolist() == [[1.0] * 10, [0.0] * 10]
    assert abs(scores.swapped(0, 1, 2000, 0).mean()) < 0.02
    assert gain_interval(scores) == (1.0, 1.0)
