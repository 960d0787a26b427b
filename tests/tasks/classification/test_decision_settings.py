"""Settings of the decision are checked, and say which promises calibration rows cannot carry."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nlp_transfer.config.typed_values import build
from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks import SequenceClassification
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.decision_settings import (
    Abstention,
    DecisionSettings,
    PredictionSets,
    fit_decision,
    with_thresholds,
)

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (lambda: DecisionSettings(calibration="platt"), "task.decision.calibration: Unknown value 'platt'."),
        (lambda: Abstention(precision=95.0), "task.decision.abstain.precision is 95.0; expected more than 0 and"),
        (lambda: Abstention(confidence=1.0), "task.decision.abstain.confidence is 1.0; expected more than 0 and"),
        (lambda: PredictionSets(coverage=0.0), "task.decision.sets.coverage is 0.0; expected more than 0 and less"),
        (lambda: DecisionSettings(costs={"missed": -1}), "task.decision.costs.missed is -1; expected a cost of 0 or"),
        (lambda: DecisionSettings(costs={"a": {"b": "x"}}), "task.decision.costs.a.b is 'x'; expected a cost of 0 or"),
        (
            lambda: DecisionSettings(abstain=Abstention(0.9), costs={"missed": 1, "false_alarm": 1}),
            "task.decision has both abstain.precision and costs: one promises that predictions are right, and the",
        ),
    ],
)
def test_values_that_cannot_be_are_named(settings, problem):
    with pytest.raises(ConfigError) as caught:
        settings()
    assert str(caught.value).startswith(problem)


def test_all_problems_of_a_decision_are_named_together():
    problems: list[str] = []
    build(
        SequenceClassification, {"decision": {"abstain": {"precision": 2}, "sets": {"coverage": 0}}}, "task", problems
    )
    assert [problem.split()[0] for problem in problems] == [
        "task.decision.abstain.precision",
        "task.decision.sets.coverage",
    ]


def test_costs_of_one_label_are_0_if_right_and_1_if_wrong_unless_named():
    costs = DecisionSettings(costs={"a": {"b": 5, "a": 0.5}}).cost_array(NAMES, multi_label=False)
    assert costs.tolist() == [[0.5, 5, 1], [1, 0, 1], [1, 1, 0]]
    assert DecisionSettings().cost_array(NAMES, multi_label=False) is None


def test_costs_of_several_labels_are_two():
    settings = DecisionSettings(costs={"false_alarm": 1, "missed": 20})
    assert settings.cost_array(NAMES, multi_label=True).tolist() == [20, 1]


@pytest.mark.parametrize(
    ("costs", "multi_label", "problem"),
    [
        ({"missed": 1}, True, "task.decision.costs has missed; a text may have several labels: expected {missed: cost"),
        ({"a": {"b": 1}}, True, "task.decision.costs has a; a text may have several labels"),
        ({"missed": 20, "false_alarm": 1}, False, "task.decision.costs.missed is 20; expected {predicted class: cost}"),
        ({"a": {"B": 1}}, False, "task.decision.costs: Unknown class 'B'. Did you mean 'b'?"),
    ],
)
def test_costs_that_do_not_fit_the_classes_are_refused(costs, multi_label, problem):
    with pytest.raises(ConfigError) as caught:
        DecisionSettings(costs=costs).cost_array(NAMES, multi_label=multi_label)
    assert str(caught.value).startswith(problem)


def test_thresholds_are_of_least_expected_cost_or_tuned():
    several = Decision.plain(["a", "b"], multi_label=True)
    logits, labels = np.array([[1.0, -1.0], [-2.0, -3.0]]), np.array([[1, 1], [0, 0]])
    costly = with_thresholds(replace(several, costs=np.array([20.0, 1.0])), logits, labels, tuned=True)
    assert costly.thresholds == pytest.approx([1 / 21, 1 / 21])
    assert with_thresholds(several, logits, labels, tuned=False).thresholds.tolist() == [0.5, 0.5]
    tuned = with_thresholds(several, logits, labels, tuned=True).thresholds
    assert tuned[0] == 0.5
    assert 0.05 < tuned[1] < 0.27  # between the sigmoids of -3 and -1
    one = Decision.plain(["a", "b"], multi_label=False)
    assert with_thresholds(one, logits, np.array([0, 1]), tuned=True) is one


def fitted(settings, rows, labels):
    decision = Decision.plain(NAMES, multi_label=False)
    return fit_decision(settings, decision, np.log(np.full((rows, 3), [0.8, 0.1, 0.1])), np.array(labels))


def test_nothing_is_promised_unless_it_is_asked_for():
    decision, problems = fitted(DecisionSettings(), 3, [0, 1, 2])
    assert (decision.accept_from, decision.set_levels, problems) == (None, None, [])


def test_a_precision_that_the_rows_cannot_promise_abstains_from_all():
    decision, problems = fitted(DecisionSettings(abstain=Abstention(precision=0.9)), 50, [0] * 50)
    assert decision.accept_from == math.inf
    assert problems == [
        "No confidence gives a precision of 0.9 that 50 calibration rows can promise (it takes at least 51 sure rows "
        "that are all right): every text is marked 'abstain'."
    ]
    decision, problems = fitted(DecisionSettings(abstain=Abstention(precision=0.9)), 51, [0] * 51)
    assert decision.accept_from == pytest.approx(0.8)
    assert problems == []


USELESS = "Sets have 3.00 of 3 classes on average: they leave out hardly any, and so are useless."


def test_classes_with_too_few_rows_are_in_every_set_and_named():
    labels = [0] * 9 + [1] * 8
    decision, problems = fitted(DecisionSettings(sets=PredictionSets(coverage=0.9)), 17, labels)
    assert decision.set_levels == pytest.approx([0.8, 0, 0])
    assert problems == [
        "A coverage of 0.9 takes at least 9 calibration rows of a class; fewer are of b (8), c (0): every set holds "
        "them.",
        USELESS,
    ]


def test_sets_that_leave_out_hardly_any_class_are_called_useless():
    on_average = DecisionSettings(sets=PredictionSets(coverage=0.9, per_class=False))
    assert fitted(on_average, 17, [0] * 9 + [1] * 8)[1] == [USELESS]
    assert fitted(on_average, 17, [0] * 17)[1] == []
