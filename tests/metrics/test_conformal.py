"""Sets against quantiles by hand, and against their promise."""

import numpy as np
import pytest

from nlp_transfer.metrics.conformal import rows_needed, set_levels


def test_the_level_is_the_smallest_probability_of_the_covered_rows():
    # 9 rows, coverage 0.8: ceil(10 · 0.8) = the 8th largest of 0.9, 0.8, … 0.1 is 0.2.
    p = np.arange(1, 10) / 10
    probabilities = np.stack([p, 1 - p], axis=1)
    assert set_levels(probabilities, np.zeros(9, int), 0.8, per_class=False).tolist() == pytest.approx([0.2, 0.2])


def test_a_class_has_the_level_of_its_own_rows():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    labels = np.array([0, 0, 0, 1])
    # Class 0, 3 rows at 0.5: the 2nd largest of .9 .8 .7; class 1, 1 row: the 1st of .4.
    assert set_levels(probabilities, labels, 0.5, per_class=True).tolist() == [0.8, 0.4]
    # At 0.6: ceil(4 · 0.6) = 3rd: 0.7; class 1: ceil(2 · 0.6) = 2 of 1 row: too few.
    assert set_levels(probabilities, labels, 0.6, per_class=True).tolist() == [0.7, 0.0]


def test_each_true_label_is_a_row():
    probabilities = np.array([[0.9, 0.6], [0.5, 0.2]])
    labels = np.array([[1, 1], [1, 0]])
    # 3 true labels: .9 .6 .5; ceil(4 · 0.7) = the 3rd.
    assert set_levels(probabilities, labels, 0.7, per_class=False).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(("coverage", "rows"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.99, 99)])
def test_from_the_rows_needed_on_a_set_may_leave_out_a_class(coverage, rows):
    assert rows_needed(coverage) == rows
    probabilities = np.full((rows, 2), 0.5)
    assert set_levels(probabilities, np.zeros(rows, int), coverage, per_class=True)[0] == 0.5
    assert set_levels(probabilities[1:], np.zeros(rows - 1, int), coverage, per_class=True)[0] == 0.0


def test_the_promise_is_kept_for_a_rare_class_only_per_class():
    random, rare, average = np.random.default_rng(0), [], []
    for _ in range(200):
        labels = (random.random(800) < 0.1).astype(int)
        p = np.clip(random.normal(np.where(labels, 0.45, 0.15), 0.15), 0.01, 0.99)
        probabilities = np.stack([1 - p, p], axis=1)
        seen, new = slice(400), slice(400, None)
        for covered, per_class in ((rare, True), (average, False)):
            levels = set_levels(probabilities[seen], labels[seen], 0.9, per_class=per_class)
            inside = probabilities[new] >= levels
            covered.append(inside[labels[new] == 1, 1].mean())
    assert np.mean(rare) == pytest.approx(0.9, abs=0.03)
    assert np.mean(average) < 0.7
