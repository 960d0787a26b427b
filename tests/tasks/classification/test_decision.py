"""Logits become probabilities, classes, and lines of predictions."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from nlp_transfer.tasks.classification.decision import Decision


def decision(*, multi_label):
    return Decision(["a", "b"], multi_label, np.array([0.2, 0.9]))


def test_single_label_takes_the_most_probable_class():
    made = decision(multi_label=False)
    probabilities = made.probabilities(np.log([[1.0, 3.0], [4.0, 1.0]]))
    np.testing.assert_allclose(probabilities, [[0.25, 0.75], [0.8, 0.2]])
    assert made.choose(probabilities).tolist() == [1, 0]
    assert made.names_of(1) == "b"
    assert made.threshold_by_label() == {}


def test_multi_label_takes_what_reaches_its_threshold():
    made = decision(multi_label=True)
    probabilities = made.probabilities(np.array([[0.0, 0.0], [-3.0, 3.0]]))
    np.testing.assert_allclose(probabilities, [[0.5, 0.5], [0.04742587, 0.95257413]])
    assert made.choose(probabilities).tolist() == [[1, 0], [0, 1]]
    assert made.names_of(np.array([1, 1])) == ["a", "b"]
    assert made.threshold_by_label() == {"a": 0.2, "b": 0.9}


@pytest.mark.parametrize(
    ("multi_label", "reference", "label", "predicted"),
    [(False, np.array([1]), "b", "a"), (True, np.array([[0, 1]]), ["b"], ["a"]), (False, None, None, "a")],
)
def test_lines_have_names(multi_label, reference, label, predicted):
    (row,) = decision(multi_label=multi_label).prediction_rows(["x"], reference, np.array([[0.75, 0.25]]))
    assert row == {"id": "x", "label": label, "predicted": predicted, "probabilities": {"a": 0.75, "b": 0.25}}
    assert set(row) == set(decision(multi_label=multi_label).row_keys) - {"split", "domain"}


P = np.array([[0.75, 0.25], [0.4, 0.6]])


def test_abstention_sets_and_costs_are_in_the_lines():
    # Costs, true × predicted: a missed b costs 4. Expected: 0.25 · 4 = 1 against 0.75 · 1; 0.6 · 4 against 0.4 · 1.
    made = replace(
        decision(multi_label=False),
        accept_from=0.5,
        set_levels=np.array([0.3, 0.3]),
        costs=np.array([[0.0, 1.0], [4.0, 0.0]]),
    )
    first, second = made.describe(P)
    assert made.row_keys[5:] == ("decision", "set", "expected_cost", "probabilities")
    assert first == {"predicted": "b", "decision": "abstain", "set": ["a"], "expected_cost": 0.75}
    assert second == {"predicted": "b", "decision": "predict", "set": ["a", "b"], "expected_cost": 0.4}
    assert made.row_costs(np.array([1, 0]), np.array([0, 1])).tolist() == [1.0, 4.0]


def test_the_confidence_of_several_labels_is_that_of_all_together():
    # Chosen: a (0.75 >= 0.2), not b (0.25 < 0.9): 0.75 · 0.75 = 0.5625; the second 0.4 · 0.4 = 0.16.
    made = replace(decision(multi_label=True), accept_from=0.5, costs=np.array([20.0, 1.0]))
    assert [row["decision"] for row in made.describe(P)] == ["predict", "abstain"]
    # a is predicted: 0.25 · 1 for a false alarm; b is not: 0.25 · 20 for a missed label.
    assert [row["expected_cost"] for row in made.describe(P)] == pytest.approx([5.25, 0.6 + 0.6 * 20])
    assert made.row_costs(np.array([[1, 0]]), np.array([[0, 1]])).tolist() == [21.0]


def test_classes_with_an_order_have_sets_without_gaps_and_their_median_is_judged():
    p = np.array([[0.4, 0.1, 0.2, 0.3], [0.1, 0.7, 0.15, 0.05]])
    plain = Decision.plain(list("abcd"), multi_label=False)
    gaps = replace(plain, set_levels=np.full(4, 0.25))
    made = replace(gaps, ordered=True, costs=1 - np.eye(4))
    assert [row["set"] for row in gaps.describe(p)] == [["a", "d"], ["b"]]
    assert [row["set"] for row in made.describe(p)] == [["a", "b", "c", "d"], ["b"]]
    assert made.choose(p).tolist() == [0, 1]  # by costs the most probable class
    assert made.plain_choice(p).tolist() == [1, 1]  # .4 < .5 <= .4 + .1: the median of the first is b
    scores = made.scores(p, np.array([1, 1]), interval=False)
    assert (scores["coverage"], scores["set_size"], scores["aurc"]) == (1.0, 2.5, 0.0)
    assert (scores["cost"], scores["plain_cost"]) == (0.5, 0.0)


@pytest.mark.parametrize("accept_from", [None, 0.5, math.inf])
def test_a_record_is_read_back(accept_from):
    made = replace(decision(multi_label=True), accept_from=accept_from, set_levels=np.array([0.1, 0.2]))
    made = replace(made, costs=np.array([2.0, 1.0]))
    record = json.loads(json.dumps(made.record(), allow_nan=False))
    again = Decision.from_record(record, ["a", "b"], multi_label=True)
    assert (again.accept_from, again.thresholds.tolist()) == (accept_from, [0.2, 0.9])
    assert (again.set_levels.tolist(), again.costs.tolist()) == ([0.1, 0.2], [2.0, 1.0])


def test_an_earlier_record_has_thresholds_alone():
    again = Decision.from_record({"thresholds": {"a": 0.2}}, ["a", "b"], multi_label=True)
    assert (again.thresholds.tolist(), again.accept_from, again.set_levels, again.costs) == (
        [0.2, 0.5],
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"set_levels": {"a": 0.5}}, "'b' is missing in set_levels, accept_from or texts"),
        ({"set_levels": {"a": 0.5, "b": 7}}, r"set_levels holds \[0.5, 7.0\]; expected probabilities"),
        ({"accept_from": 0.5}, "a value is not of its kind"),
        ({"costs": [[0, -1], [1, 0]]}, "expected costs of 0 or more"),
        ({"costs": [[1, 2, 3]]}, r"costs have the shape \(1, 3\) for 2 classes"),
    ],
)
def test_a_record_of_other_classes_is_refused(record, problem):
    with pytest.raises(ValueError, match=problem):
        Decision.from_record(record, ["a", "b"], multi_label=False)


def test_scores_have_what_was_configured():
    made = decision(multi_label=False)
    assert not {"coverage", "accepted", "cost"} & made.scores(P, np.array([0, 1]), interval=False).keys()
    made = replace(made, accept_from=0.7, set_levels=np.array([0.5, 0.5]), costs=1 - np.eye(2))
    scores = made.scores(P, np.array([0, 0]), interval=True)
    assert (scores["accepted"], scores["accepted_precision"], scores["coverage"]) == (0.5, 1.0, 0.5)
    assert (scores["set_size"], scores["cost"], scores["coverage_per_class"]) == (1.0, 0.5, {"a": 0.5, "b": None})
    assert scores["coverage_low"] == 0.0
    assert scores["coverage_high"] == 1.0
