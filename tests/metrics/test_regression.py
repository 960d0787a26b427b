"""Scores of numbers by hand, beside scikit-learn and SciPy, and in resamples."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from nlp_transfer.metrics.metric import RegressionRows
from nlp_transfer.metrics.regression import NumberScores, regression_scores
from nlp_transfer.metrics.row_scores import gain_interval
from nlp_transfer.metrics.significance import compare_systems


def numbers(count=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(50_000, 900, size=(count, 2)) * [1, 0.001]
    return truth, truth + rng.normal(0, 300, size=(count, 2)) * [1, 0.001]


def test_by_hand():
    # Squared errors 0, 1, 1; the mean is 4, from which the truth is 3, 0 and 3 away.
    scores = regression_scores(RegressionRows(np.array([[1.0], [5.0], [6.0]]), np.array([[1.0], [4.0], [7.0]]), ["x"]))
    assert scores["r2"] == pytest.approx(1 - 2 / 18)
    assert (scores["mae"], scores["mse"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert scores["spearman"] == pytest.approx(1.0)


def test_they_are_those_of_scikit_learn_and_scipy():
    truth, guesses = numbers()
    scores = regression_scores(RegressionRows(guesses, truth, ["price", "days"]))
    for place, name in enumerate(["price", "days"]):
        own, t, p = scores["per_value"][name], truth[:, place], guesses[:, place]
        assert own["r2"] == pytest.approx(r2_score(t, p))
        assert own["mae"] == pytest.approx(mean_absolute_error(t, p))
        assert own["mse"] == pytest.approx(mean_squared_error(t, p))
        assert own["pearson"] == pytest.approx(pearsonr(t, p).statistic)
        assert own["spearman"] == pytest.approx(spearmanr(t, p).statistic)
    assert scores["r2"] == pytest.approx(r2_score(truth, guesses))
    assert scores.keys() == {"rows", "r2", "pearson", "spearman", "per_value"}  # euros and days have no mean error


def test_the_mean_has_no_correlation_and_an_r2_of_0():
    truth, _ = numbers()
    scores = regression_scores(RegressionRows(np.tile(truth.mean(axis=0), (200, 1)), truth, "ab", interval=True))
    assert scores["r2"] == pytest.approx(0.0)
    assert scores["pearson"] is None
    assert scores["spearman"] is None
    assert scores["pearson_low"] is None


def test_intervals_are_those_of_rows_that_are_drawn_again():
    truth, guesses = numbers(60)
    scores = regression_scores(RegressionRows(guesses[:, :1], truth[:, :1], ["price"], interval=True))
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(1000):
        rows = rng.integers(60, size=60)
        drawn.append(
            [r2_score(truth[rows, 0], guesses[rows, 0]), mean_absolute_error(truth[rows, 0], guesses[rows, 0])]
        )
    for name, low, high in zip(("r2", "mae"), *np.quantile(drawn, (0.025, 0.975), axis=0), strict=True):
        width = high - low
        assert scores[f"{name}_low"] == pytest.approx(low, abs=0.2 * width)
        assert scores[f"{name}_high"] == pytest.approx(high, abs=0.2 * width)


def test_coverage_and_width_of_intervals():
    truth = np.array([[1.0], [2.0], [3.0], [10.0]])
    scores = regression_scores(RegressionRows(np.full((4, 1), 2.0), truth, ["x"], half_widths=np.array([1.0])))
    assert (scores["interval_coverage"], scores["interval_width"]) == (0.75, 2.0)
    two = RegressionRows(np.full((4, 2), 2.0), truth[:, [0, 0]], "xy", half_widths=np.array([1.0, 0.5]), interval=True)
    scores = regression_scores(two)
    assert [one["interval_coverage"] for one in scores["per_value"].values()] == [0.75, 0.25]
    assert scores["interval_coverage"] == 0.5  # of one number 3 of 4 errors are below its half width, of the other 1
    assert not {"mae", "mae_low", "mse", "interval_width"} & scores.keys()


def test_gains_are_clear_where_they_are():
    truth, guesses = numbers()
    low, high = gain_interval(NumberScores(np.stack([truth, guesses]), truth))
    assert 0 < low < high
    assert gain_interval(NumberScores(np.stack([guesses, guesses]), truth)) == (0.0, 0.0)


def test_runs_are_compared_by_r2():
    truth, guesses = numbers()
    scores = NumberScores(np.stack([truth, guesses, guesses]), truth)
    assert scores.observed()[1] == pytest.approx(r2_score(truth, guesses))
    better, same = compare_systems(scores, {"a": [1], "b": [0], "c": [2]})[:2]
    assert better.clear
    assert better.difference == pytest.approx(1 - r2_score(truth, guesses))
    assert (same.difference, same.p) == (0.0, 1.0)
    swapped = scores.swapped(0, 1, 400, 0)
    assert abs(swapped.mean()) < 0.02
    everything = NumberScores(np.stack([truth[:2], guesses[:2]]), truth[:2]).swapped(0, 1, 200, 0)
    assert everything.max() == pytest.approx(1 - r2_score(truth[:2], guesses[:2]))
