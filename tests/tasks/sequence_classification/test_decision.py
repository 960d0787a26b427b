"""Logits become probabilities, classes, and lines of predictions."""

import numpy as np
import pytest

from nlp_transfer.tasks.sequence_classification.decision import ROW_KEYS, ClassDecision


def decision(*, multi_label):
    made = ClassDecision()
    made.label_names, made.multi_label, made.thresholds = ["a", "b"], multi_label, np.array([0.2, 0.9])
    return made


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
    assert set(row) == set(ROW_KEYS) - {"split", "domain"}
