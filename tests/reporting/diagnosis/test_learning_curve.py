"""The learning curve of a probe, and the gain that it lets expect."""

import numpy as np
import pytest

from nlp_transfer.reporting.diagnosis.learning_curve import LearningCurve, expected_gain
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData


def test_a_curve_that_falls_promises_nothing() -> None:
    assert expected_gain([0.8, 0.8, 0.78]) == (0.0, 0.0, 0.03)


def test_the_gain_is_that_of_the_mean_over_draws() -> None:
    accuracy = np.array([[0.5, 0.7], [0.6, 0.8], [0.7, 0.8]])
    curve = LearningCurve((30, 60, 120), accuracy, accuracy)
    assert curve.gain == pytest.approx((0.7 * 0.075, 0.7 * 0.075 - 0.03, 0.7 * 0.075 + 0.03))


def test_each_share_is_scored_on_all_rows(data: DiagnosisData) -> None:
    curve = data.curve
    assert curve is not None
    assert curve.texts == (33, 66, 132)
    assert curve.accuracy.shape == curve.macro_f1.shape == (3, 3)
    assert np.allclose(curve.accuracy * 132, (curve.accuracy * 132).round())
    assert curve.accuracy[0].mean() < curve.accuracy[2].mean()
