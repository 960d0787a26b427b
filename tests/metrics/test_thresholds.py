"""Thresholds against cases by hand and against a search through all cuts."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from nlp_transfer.metrics.thresholds import tune_thresholds


def column(scores, truth):
    return tune_thresholds(np.array(scores)[:, None], np.array(truth)[:, None])[0]


def test_midpoint_between_the_scores_that_the_best_cut_parts():
    # Cuts: {.3} F1 2/3 -> predicting .3 and .2 hits both: F1 1; then 4/5, 2/3. Best lies between .2 and .1.
    assert column([0.3, 0.2, 0.1, 0.05], [1, 1, 0, 0]) == pytest.approx(0.15)
    # One positive at the top: between .9 and .8.
    assert column([0.9, 0.8, 0.7], [1, 0, 0]) == pytest.approx(0.85)


def test_half_stays_where_it_is_among_the_best():
    assert column([0.9, 0.2], [1, 0]) == 0.5  # the midpoint, .55, scores the same


def test_ties_go_to_the_cut_nearest_to_half():
    # F1 at the cuts: {.95} 2/3; {.95, .85} 2/4 = 1/2; with .75: 4/5; with .1: 4/6. Unique best: between .75 and .1.
    assert column([0.95, 0.85, 0.75, 0.1], [1, 0, 1, 0]) == 0.5  # 0.425 and 0.5 cut alike
    # {.9}: 2 / (1 + 3) = 1/2; {.9 … .3}: 2 * 3 / (9 + 3) = 1/2, less in between: .85 is 0.35 away from 0.5, the cut
    # below all scores, .025, is farther.
    scores = [0.9, 0.8, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05]
    truth = [1, 0, 0, 0, 0, 0, 0, 1, 1]
    assert column(scores, truth) == pytest.approx(0.85)


def test_label_without_a_positive_keeps_half_and_all_positive_predicts_all():
    thresholds = tune_thresholds([[0.9, 0.2], [0.7, 0.1]], [[0, 1], [0, 1]])
    assert thresholds.tolist() == [0.5, 0.05]
    assert thresholds.dtype == np.float64


def test_equal_scores_are_not_cut_apart():
    # Both .8 or neither: predicting both has F1 2/3.
    threshold = column([0.8, 0.8, 0.1], [1, 0, 0])
    assert threshold == 0.5
    assert column([0.4, 0.4, 0.1], [1, 0, 0]) == pytest.approx(0.25)


def test_zero_scores_can_be_predicted():
    assert column([0.0, 0.0], [1, 1]) == 0.0


def test_neighbouring_floats_are_told_apart():
    low = 0.7
    high = np.nextafter(low, 1)
    threshold = column([high, low], [1, 0])
    assert low < threshold <= high


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_cut_is_better(seed, dtype):
    rng = np.random.default_rng(seed)
    truth = rng.random((60, 4)) < [0.5, 0.2, 0.05, 0.9]
    scores = np.round(np.clip(0.3 * truth + rng.random((60, 4)) * 0.7, 0, 1), 2).astype(dtype)
    thresholds = tune_thresholds(scores, truth)
    for label in range(4):
        got = f1_score(truth[:, label], scores[:, label] >= thresholds[label])
        predicted = scores[:, [label]] >= np.linspace(0, 1, 401)  # (rows, cuts)
        hits = (predicted & truth[:, [label]]).sum(axis=0)
        tried = 2 * hits / np.maximum(predicted.sum(axis=0) + truth[:, label].sum(), 1)
        assert got == pytest.approx(tried.max()) if truth[:, label].any() else thresholds[label] == 0.5


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"one shape; got \(1, 2\) and \(1, 3\)\."):
        tune_thresholds([[0.1, 0.2]], [[0, 1, 0]])
    with pytest.raises(ValueError, match=r"probabilities from 0 to 1; got others \(logits, or NaN\)"):
        tune_thresholds([[2.0]], [[1]])
    with pytest.raises(ValueError, match="logits, or NaN"):
        tune_thresholds([[float("nan")]], [[1]])
    assert tune_thresholds(np.zeros((0, 2)), np.zeros((0, 2))).tolist() == [0.5, 0.5]
