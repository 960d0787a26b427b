"""Scores of probabilities against numbers worked out by hand."""

import itertools
import math

import numpy as np
import pytest

from nlp_transfer.metrics.metric import ProbabilityRows
from nlp_transfer.metrics.probability_scores import (
    bins_of,
    confidence_and_correctness,
    confidences,
    probability_scores,
    risk_coverage_curve,
)


def rows(probabilities, references, predictions=None, **more):
    p, truth = np.array(probabilities), np.array(references)
    chosen = p.argmax(axis=1) if truth.ndim == 1 else (p >= 0.5).astype(int)
    chosen = chosen if predictions is None else np.array(predictions)
    return ProbabilityRows(p, truth, chosen, [str(k) for k in range(p.shape[1])], **more)


def test_one_label_by_hand():
    scores = probability_scores(rows([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]], [0, 1]))
    # Brier: 0.09 + 0.04 + 0.01 = 0.14 and 0.25 + 0.49 + 0.04 = 0.78. ECE, one bin: |(1 - 0.7) + (0 - 0.5)| / 2.
    assert scores["brier"] == pytest.approx((0.14 + 0.78) / 2)
    assert scores["nll"] == pytest.approx(-(math.log(0.7) + math.log(0.3)) / 2)
    assert scores["ece"] == pytest.approx(0.1)
    assert scores["aurc"] == pytest.approx((0 / 1 + 1 / 2) / 2)
    assert set(scores) == {"ece", "brier", "nll", "aurc"}


def test_several_labels_by_hand():
    scores = probability_scores(rows([[0.8, 0.4], [0.3, 0.1]], [[1, 1], [0, 0]]))
    assert scores["brier"] == pytest.approx((0.2**2 + 0.6**2 + 0.3**2 + 0.1**2) / 4)
    assert scores["nll"] == pytest.approx(-(math.log(0.8) + math.log(0.4) + math.log(0.7) + math.log(0.9)) / 4)
    assert scores["ece"] == pytest.approx(abs(2 - 1.6) / 4)
    # All labels together: 0.8 · 0.6 = 0.48, wrong; 0.7 · 0.9 = 0.63, right, and surer.
    assert scores["aurc"] == pytest.approx((0 + 1 / 2) / 2)


def test_calibration_error_does_not_depend_on_the_order_of_rows():
    random = np.random.default_rng(0)
    p = np.repeat(random.random(30), 20)
    probabilities, labels = np.stack([1 - p, p], axis=1), random.integers(2, size=600)
    order = np.lexsort((labels, p))  # ties sorted by their truth
    first = probability_scores(rows(probabilities, labels))
    again = probability_scores(rows(probabilities[order], labels[order]))
    assert first == pytest.approx(again)
    assert first["ece"] > 0.15


def test_bins_hold_equally_many_and_equal_confidences_stay_together():
    assert np.bincount(bins_of(np.random.default_rng(0).random(3000))).tolist() == [200] * 15
    assert set(bins_of(np.full(100, 0.5))) == {4}
    assert bins_of(np.array([0.1, 0.9])).tolist() == [0, 0]


def test_ties_of_the_risk_coverage_curve_are_the_mean_over_orders():
    sure, wrong = np.array([0.9, 0.8, 0.8, 0.8, 0.6, 0.6]), np.array([0, 1, 0, 1, 0, 1])
    areas = []
    for order in itertools.permutations(range(6)):
        if (np.diff(sure[list(order)]) <= 0).all():
            areas.append(np.mean(np.cumsum(wrong[list(order)]) / np.arange(1, 7)))
    probabilities = np.stack([sure, 1 - sure], axis=1)
    assert probability_scores(rows(probabilities, wrong))["aurc"] == pytest.approx(np.mean(areas))
    shares, risks = risk_coverage_curve(sure, wrong)
    assert shares.tolist() == pytest.approx([1 / 6, 4 / 6, 1])
    assert risks.tolist() == pytest.approx([0, 2 / 4, 3 / 6])


def test_what_was_configured_by_hand():
    scores = probability_scores(
        rows(
            [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]],
            [0, 1, 1],
            accepted=np.array([True, False, True]),
            sets=np.array([[True, False], [True, False], [False, True]]),
            costs=np.array([0.0, 20.0, 1.0]),
            plain_costs=np.array([0.0, 20.0, 0.0]),
        )
    )
    assert (scores["accepted"], scores["accepted_precision"]) == pytest.approx((2 / 3, 1))
    assert (scores["coverage"], scores["set_size"]) == pytest.approx((2 / 3, 1))
    assert scores["coverage_per_class"] == {"0": 1.0, "1": 0.5}
    assert (scores["cost"], scores["plain_cost"]) == pytest.approx((7, 20 / 3))


def test_a_score_of_no_row_is_none():
    scores = probability_scores(rows([[0.9, 0.1]], [0], accepted=np.array([False]), interval=True))
    assert (scores["accepted"], scores["accepted_precision"]) == (0.0, None)
    assert (scores["accepted_precision_low"], scores["accepted_precision_high"]) == (None, None)


def test_an_interval_holds_the_score_and_narrows_with_rows():
    random, widths = np.random.default_rng(0), []
    for count in (200, 3200):
        p = random.random(count)
        labels = (random.random(count) < p).astype(int)
        scores = probability_scores(rows(np.stack([1 - p, p], axis=1), labels, interval=True))
        assert scores["nll_low"] < scores["nll"] < scores["nll_high"]
        widths.append(scores["brier_high"] - scores["brier_low"])
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.25)  # the square root of 16


def test_confidence_of_a_decision_that_is_not_the_most_probable():
    assert confidences(np.array([[0.9, 0.1]]), np.array([1])).tolist() == [0.1]


def test_thresholds_and_costs_change_no_score_of_probabilities():
    probabilities, labels = [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], [0, 1, 1]
    by_cost = probability_scores(rows(probabilities, labels, predictions=[1, 1, 1]))
    assert by_cost == probability_scores(rows(probabilities, labels))


def test_the_median_is_judged_where_classes_have_an_order():
    # The most probable class, 0, is wrong; the median, 1, is right with a probability of .3. One bin: |1 - .3|.
    scores = probability_scores(rows([[0.4, 0.3, 0.3]], [1], plain=np.array([1])))
    assert (scores["ece"], scores["aurc"]) == pytest.approx((0.7, 0.0))
    assert probability_scores(rows([[0.4, 0.3, 0.3]], [1]))["ece"] == pytest.approx(0.4)


def test_several_labels_are_right_together():
    p, truth = np.array([[0.9, 0.5], [0.2, 0.1]]), np.array([[1, 0], [0, 0]])
    sure, right = confidence_and_correctness(p, truth)
    assert sure == pytest.approx([0.45, 0.72])
    assert right.tolist() == [False, True]
