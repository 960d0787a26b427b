"""Quadratic kappa and mean distance by hand, beside scikit-learn, and in resamples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from nlp_transfer.metrics.bootstrap import bootstrap_difference, bootstrap_interval, kappa_of_counts
from nlp_transfer.metrics.metric import OrdinalRows
from nlp_transfer.metrics.ordinal import KappaScores, ordinal_scores
from nlp_transfer.metrics.significance import compare_systems


def test_by_hand():
    # Squared distances 0 + 0 + 0 + 1; by chance 9 + 6 - 2 · 5 · 4 / 4 = 5.
    found = ordinal_scores(OrdinalRows(np.array([0, 1, 2, 1]), np.array([0, 1, 2, 2])))
    assert found == {"quadratic_kappa": pytest.approx(0.8), "mae_in_classes": 0.25}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40))
def test_kappa_is_that_of_scikit_learn(rows):
    truth, guesses = np.array(rows).T
    found = ordinal_scores(OrdinalRows(guesses, truth))["quadratic_kappa"]
    if len({*truth, *guesses}) == 1:
        assert found == 0.0
    else:
        assert found == pytest.approx(cohen_kappa_score(truth, guesses, weights="quadratic", labels=range(5)))


def test_one_class_is_no_agreement_beyond_chance():
    assert ordinal_scores(OrdinalRows(np.array([1, 1]), np.array([1, 1]), interval=True)) == {
        "quadratic_kappa": 0.0,
        "mae_in_classes": 0.0,
        "quadratic_kappa_low": 0.0,
        "quadratic_kappa_high": 0.0,
        "mae_in_classes_low": 0.0,
        "mae_in_classes_high": 0.0,
    }


def test_resamples_weigh_rows():
    truth, guesses = np.array([0, 2, 1]), np.array([0, 1, 1])
    weights = np.array([[1, 1, 1], [2, 0, 1], [0, 3, 0]])
    repeated = [(truth.repeat(of), guesses.repeat(of)) for of in weights]
    expected = [cohen_kappa_score(t, p, weights="quadratic", labels=[0, 1, 2]) for t, p in repeated]
    np.testing.assert_allclose(kappa_of_counts(truth, guesses, weights), expected)


def test_intervals_hold_the_score_and_shrink_with_rows():
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=400)
    guesses = (truth + rng.integers(-1, 2, size=400)).clip(0, 4)
    scores = ordinal_scores(OrdinalRows(guesses, truth, interval=True))
    for name in ("quadratic_kappa", "mae_in_classes"):
        low, high = scores[f"{name}_low"], scores[f"{name}_high"]
        assert low < scores[name] < high
        few = bootstrap_interval(guesses[:50], truth[:50], name)
        assert high - low < few[1] - few[0]
    assert bootstrap_difference(truth, guesses, truth, "mae_in_classes")[1] < 0
    assert bootstrap_difference(truth, guesses, truth, "quadratic_kappa")[0] > 0


def test_runs_are_compared_by_kappa():
    rng = np.random.default_rng(0)
    truth = rng.integers(5, size=300)
    near, far = (truth + rng.integers(-1, 2, size=300)).clip(0, 4), rng.permutation(truth)
    scores = KappaScores(np.stack([near, far]), truth)
    assert scores.observed()[0] == pytest.approx(cohen_kappa_score(truth, near, weights="quadratic"))
    (difference,) = compare_systems(scores, {"far": [1], "near": [0]})
    assert difference.clear
    assert difference.difference == pytest.approx(scores.observed()[0] - scores.observed()[1])
    swapped = scores.swapped(0, 1, 400, 0)
    assert abs(swapped.mean()) < 0.02
    kept = np.random.default_rng(0).integers(2, size=(400, 300))[0] == 1
    sides = [np.where(kept, near, far), np.where(kept, far, near)]
    expected = [cohen_kappa_score(truth, side, weights="quadratic") for side in sides]
    assert swapped[0] == pytest.approx(expected[0] - expected[1])
