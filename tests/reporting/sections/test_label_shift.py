"""What a run says of its target beside training."""

from types import SimpleNamespace

import numpy as np

from nlp_transfer.metrics.label_shift import AT_CHANCE
from nlp_transfer.reporting.run_context import PriorCorrection
from nlp_transfer.reporting.sections.label_shift import class_frequencies
from nlp_transfer.tasks.base import Predictions


def test_of_a_class_that_source_validation_lacks_the_report_says_that_nothing_is_known() -> None:
    known, unknown = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 1, 2])
    scored = {
        "source": {"validation": Predictions([], 4 * np.eye(3)[known], known, {})},
        "target": {"test": Predictions([], 4 * np.eye(3)[unknown], unknown, {})},
    }
    task = SimpleNamespace(label_names=["public", "permissive", "copyleft"])
    facts = class_frequencies(task, scored)
    assert list(facts) == ["public", "permissive", "copyleft"]
    assert facts["public"].startswith("0.500 in source validation, about 0.2")
    assert facts["public"].endswith("; by its labels 0.250")
    assert facts["copyleft"] == (
        "no row in source validation to go by; the model gives it 0.250 of the target; by its labels 0.250"
    )


def test_of_a_model_at_chance_no_estimate_is_shown() -> None:
    labels = np.array([0, 0, 1, 1])
    scored = {
        "source": {"validation": Predictions([], 4 * np.eye(2)[[0, 1, 0, 1]], labels, {})},
        "target": {"test": Predictions([], 4 * np.eye(2)[[0, 0, 0, 1]], labels, {})},
    }
    assert class_frequencies(SimpleNamespace(label_names=["negative", "positive"]), scored) == {
        "no estimate": AT_CHANCE,
        "negative": "0.500 in source validation; by its labels 0.500",
        "positive": "0.500 in source validation; by its labels 0.500",
    }


def test_frequencies_are_those_before_a_correction() -> None:
    known, unknown = np.array([0] * 9 + [1] * 9), np.array([0, 1, 1, 1])
    before = {
        "source": {"validation": Predictions([], 4 * np.eye(2)[known], known, {})},
        "target": {"test": Predictions([], 4 * np.eye(2)[unknown], None, {})},
    }
    after = {
        "source": {**before["source"], "validation": Predictions([], 4 * np.eye(2)[1 - known], known, {})},
        "target": {"test": Predictions([], 4 * np.eye(2)[1 - unknown], None, {})},
    }
    correction = PriorCorrection({}, {"test": before["target"]["test"].logits}, before["source"]["validation"].logits)
    task = SimpleNamespace(label_names=["negative", "positive"])
    facts = class_frequencies(task, before)
    assert facts["positive"].startswith("0.500 in source validation, about 0.7")
    assert class_frequencies(task, correction.undone(after)) == facts
    assert PriorCorrection().undone(after) is after
