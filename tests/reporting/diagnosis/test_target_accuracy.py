"""Accuracy on a target without its labels."""

import numpy as np
import pytest

from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.target_accuracy import evidence, largest_accuracy, target_accuracy


def test_the_evidence_is_that_of_all_layers_on_the_best_ones_class() -> None:
    probabilities = {1: np.array([[0.2, 0.8], [0.6, 0.4]]), 2: np.array([[0.9, 0.1], [0.7, 0.3]])}
    found = evidence(probabilities, 2)
    assert np.allclose(found.confidence, [0.55, 0.65])
    assert found.agreement.tolist() == [0.0, 1.0]
    assert evidence({1: probabilities[1]}, 1).agreement.tolist() == [1.0, 1.0]  # an encoder of one layer


def test_labels_of_the_target_are_for_comparison_alone(data: DiagnosisData) -> None:
    assert data.target is not None
    assert data.source.labels is not None
    target = data.target
    found = target_accuracy(data.probes, data.source.labels, target.features, target.labels, data.task)
    assert found.true is not None
    assert found.estimate.accuracy == pytest.approx(found.true, abs=0.3)
    without = target_accuracy(data.probes, data.source.labels, target.features, None, data.task)
    assert (without.estimate, without.true) == (found.estimate, None)


def test_predictions_in_excess_of_a_class_are_wrong(data: DiagnosisData) -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    # Four of eight are predicted as class 2, of which a third are in truth: 1 / 2 - 1 / 3 are wrong.
    assert largest_accuracy(np.array([0, 0, 1, 1, 2, 2, 2, 2]), labels) == pytest.approx(1 - 1 / 6)
    assert largest_accuracy(labels, labels) == 1.0
    assert largest_accuracy(np.array([3, 3]), labels) == 0.0
    assert data.target is not None
    assert data.source.labels is not None
    found = target_accuracy(data.probes, data.source.labels, data.target.features, None, data.task)
    assert 0 < found.bound <= 1
