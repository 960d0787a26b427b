"""What a run says of its target beside training."""

from types import SimpleNamespace

import numpy as np

from nlp_transfer.metrics.label_shift import AT_CHANCE
from nlp_transfer.reporting.run_context import PriorCorrection
from nlp_transfer.reporting.sections.label_shift import class_frequencies, label_shift
from nlp_transfer.tasks.base import Predictions
from tests.reporting.sections.reports import alerts_of, rows_of


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
    correction = PriorCorrection(None, {"test": before["target"]["test"].logits}, before["source"]["validation"].logits)
    task = SimpleNamespace(label_names=["negative", "positive"])
    facts = class_frequencies(task, before)
    assert facts["positive"].startswith("0.500 in source validation, about 0.7")
    assert class_frequencies(task, correction.undone(after)) == facts
    assert PriorCorrection().undone(after) is after


def corrected_run(labels: np.ndarray | None, before: dict[str, np.ndarray]) -> SimpleNamespace:
    """A run whose corrected model takes the second of three target texts for the first class."""
    known = np.array([0] * 9 + [1] * 9 + [2] * 9)
    scores = {"macro_f1": 5 / 9}
    task = SimpleNamespace(
        label_names=["a", "b", "c"], multi_label=False, primary_metric="macro_f1", score=lambda *_: {"macro_f1": 1.0}
    )
    validation = Predictions([], 4 * np.eye(3)[known], known, {})
    target = Predictions([], np.eye(3)[[0, 0, 2]], labels, scores)
    correction = PriorCorrection(None, before, validation.logits if before else None)
    scored = {"source": {"validation": validation}, "target": {"test": target}}
    return SimpleNamespace(task=task, scored=scored, correction=correction)


def test_a_correction_that_does_harm_is_warned_of() -> None:
    labels, good = np.array([0, 1, 2]), {"test": np.eye(3)}
    section = label_shift(corrected_run(labels, good))
    assert alerts_of(section) == [
        "prior_correction lowered the macro-F1 of target test from 1.000 to 0.556, by its labels: its texts are not "
        "what the estimate takes them for. Train without it."
    ]
    assert rows_of(section)["target test macro-F1 before"] == "1.000"
    assert alerts_of(label_shift(corrected_run(None, good))) == []
    assert "corrected" not in rows_of(label_shift(corrected_run(labels, {})))


def test_a_refusal_is_not_worded_twice() -> None:
    run = corrected_run(None, {})
    run.scored["source"]["validation"].logits[:] = 0
    run.correction = PriorCorrection(AT_CHANCE)
    rows = rows_of(label_shift(run))
    assert (rows["no estimate"], rows["corrected"]) == (AT_CHANCE, "no")
    run.correction = PriorCorrection("the target has no rows")
    assert rows_of(label_shift(run))["corrected"] == "no: the target has no rows"
