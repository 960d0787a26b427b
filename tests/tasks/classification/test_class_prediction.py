"""The prediction of one row as JSON has it."""

from nlp_transfer.tasks.classification.class_prediction import ClassPrediction


def test_what_is_not_there_is_left_out_and_probabilities_are_rounded():
    row = ClassPrediction(7, "a", {"a": 2 / 3, "b": 1 / 3}, decision="abstain").row()
    assert row == {"id": 7, "predicted": "a", "decision": "abstain", "probabilities": {"a": 0.666667, "b": 0.333333}}
