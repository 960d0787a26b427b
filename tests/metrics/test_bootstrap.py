"""Bootstrap intervals against a slow bootstrap over rows, and spreads by hand."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from nlp_transfer.metrics.bootstrap import (
    STATISTICS,
    bootstrap_difference,
    bootstrap_interval,
    mean_and_deviation,
    mean_interval,
)


def rows(multi_label, count=120):
    rng = np.random.default_rng(3)
    if multi_label:
        truth = (rng.random((count, 4)) < [0.5, 0.3, 0.1, 0.0]).astype(int)
        return np.where(rng.random((count, 4)) < 0.85, truth, 1 - truth), truth
    truth = rng.choice(4, size=count, p=[0.6, 0.3, 0.08, 0.02])
    return np.where(rng.random(count) < 0.7, truth, rng.integers(4, size=count)), truth


SCIKIT = {
    "accuracy": lambda p, t: float(np.mean(np.reshape(p == t, (len(t), -1)).all(axis=1))),
    "macro_f1": lambda p, t: f1_score(t, p, average="macro", zero_division=0),
    "quadratic_kappa": lambda p, t: cohen_kappa_score(t, p, weights="quadratic") if len({*p, *t}) > 1 else 0.0,
    "mae_in_classes": lambda p, t: float(np.abs(p - t).mean()),
}
CASES = [(name, several) for name in STATISTICS for several in (False, True) if not several or name in STATISTICS[:2]]


@pytest.mark.parametrize(("statistic", "multi_label"), CASES)
def test_equals_the_bootstrap_over_rows(multi_label, statistic):
    predictions, references = rows(multi_label)
    fast = bootstrap_interval(predictions, references, statistic, samples=4000)
    rng = np.random.default_rng(1)
    draws = (rng.integers(120, size=120) for _ in range(300))
    slow = [SCIKIT[statistic](predictions[draw], references[draw]) for draw in draws]
    assert fast == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.025)


@pytest.mark.parametrize(("statistic", "multi_label"), CASES)
def test_one_distinct_row_leaves_only_its_own_score(multi_label, statistic):
    one = np.array([[1, 0, 1]] * 5) if multi_label else np.array([2] * 5)
    expected = SCIKIT[statistic](one, one)
    assert bootstrap_interval(one, one, statistic, samples=10) == pytest.approx((expected, expected))


def test_accuracy_matches_the_normal_approximation():
    truth = np.zeros(10_000, dtype=int)
    guess = (np.arange(10_000) < 2_000).astype(int)  # accuracy 0.8, standard error 0.004
    low, high = bootstrap_interval(guess, truth, "accuracy", samples=4000)
    assert low == pytest.approx(0.8 - 1.96 * 0.004, abs=0.0008)
    assert high == pytest.approx(0.8 + 1.96 * 0.004, abs=0.0008)


def test_the_seed_decides():
    predictions, references = rows(False)
    first = bootstrap_interval(predictions, references, "macro_f1")
    assert first == bootstrap_interval(predictions, references, "macro_f1", seed=0)
    assert first != bootstrap_interval(predictions, references, "macro_f1", seed=1)


@pytest.mark.parametrize(("statistic", "multi_label"), CASES)
def test_a_difference_is_of_the_same_draws(multi_label, statistic):
    first, references = rows(multi_label)
    second = first.copy()
    second[:30] = references[:30]
    fast = bootstrap_difference(first, second, references, statistic, samples=4000)
    rng = np.random.default_rng(1)
    scores = []
    for draw in (rng.integers(120, size=120) for _ in range(300)):
        scores.append(
            SCIKIT[statistic](first[draw], references[draw]) - SCIKIT[statistic](second[draw], references[draw])
        )
    assert fast == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=0.025)
    assert bootstrap_difference(first, first, references, statistic) == (0.0, 0.0)


def test_a_difference_of_accuracies_is_as_wide_as_the_rows_that_one_alone_has_right():
    truth = np.zeros(10_000, dtype=int)
    first = (np.arange(10_000) < 2_000).astype(int)
    second = (np.arange(10_000) < 2_400).astype(int)  # 400 rows decide: difference 0.04, standard error 0.00196
    low, high = bootstrap_difference(first, second, truth, "accuracy", samples=4000)
    assert low == pytest.approx(0.04 - 1.96 * 0.00196, abs=0.0005)
    assert high == pytest.approx(0.04 + 1.96 * 0.00196, abs=0.0005)


def test_many_distinct_rows_go_in_blocks():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 2, size=(2, 9_000, 16))  # nearly all rows differ: several blocks of draws
    low, high = bootstrap_interval(guess, truth, "macro_f1", samples=500)
    assert low < f1_score(truth, guess, average="macro") < high
    assert high - low < 0.02


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"one shape and a row; got \(2,\), \(1,\)"):
        bootstrap_interval([0, 1], [0], "accuracy")
    with pytest.raises(ValueError, match="one shape and a row"):
        bootstrap_interval([], [], "accuracy")
    with pytest.raises(ValueError, match=r"Unknown statistic 'f1'. Statistics: accuracy, macro_f1"):
        bootstrap_interval([0], [0], "f1")
    with pytest.raises(ValueError, match=r"one shape and a row; got \(2,\), \(1,\)"):
        bootstrap_difference([0], [0, 1], [0], "accuracy")


def test_spread_by_hand():
    assert mean_and_deviation([1.0, 2.0, 4.0]) == (pytest.approx(7 / 3), pytest.approx(np.sqrt(7 / 3)), 3)
    assert mean_and_deviation([0.5]) == (0.5, None, 1)
    with pytest.raises(ValueError, match="at least one value; got none"):
        mean_and_deviation([])


def test_the_interval_of_a_mean_by_hand():
    low, high = mean_interval([1.0, 2.0, 3.0, 4.0])
    half = 3.1824463 * 1.2909944 / 2  # the t quantile of 3 degrees of freedom, the deviation, sqrt(4)
    assert (low, high) == pytest.approx((2.5 - half, 2.5 + half))
    assert mean_interval([1.0, 2.0]) is None
