"""Calibration finds the scale that logits were multiplied by, and stays finite where all rows are right."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from nlp_transfer.metrics.calibration import cross_fitted, platt_scaling, temperature_scaling


def drawn(scale: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return logits that are `scale` times too large, and labels drawn by the right ones."""
    random = np.random.default_rng(0)
    right = random.normal(size=(rows, 3)) * 2
    labels = (softmax(right, axis=1).cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    return right * scale, labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_temperature_undoes_the_scale(scale):
    calibration = temperature_scaling(*drawn(scale))
    assert calibration.scale == pytest.approx(np.full(3, 1 / scale), rel=0.06)
    assert calibration.shift.tolist() == [0, 0, 0]


def test_temperature_by_hand():
    # Three of four rows right at a margin of 4: without the prior, sigmoid(4 s) = 3/4, so that s = ln 3 / 4 = 0.275.
    # With it, the derivative by ln s, 4 · 4 s (sigmoid(4 s) - 3/4) + ln s, is zero.
    logits, labels = np.array([[4.0, 0.0]] * 4), np.array([0, 0, 0, 1])
    scale = temperature_scaling(logits, labels).scale[0]
    assert 16 * scale * (expit(4 * scale) - 0.75) + np.log(scale) == pytest.approx(0, abs=1e-3)
    many = temperature_scaling(np.tile(logits, (500, 1)), np.tile(labels, 500)).scale[0]
    assert many == pytest.approx(np.log(3) / 4, rel=0.01)


def test_rows_that_are_all_right_leave_a_finite_temperature():
    scale = temperature_scaling(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 1])).scale[0]
    assert 1 < scale < 3


def test_platt_undoes_scale_and_shift_of_each_label():
    random = np.random.default_rng(0)
    right = random.normal(size=(20_000, 2)) * 2
    labels = (random.random(right.shape) < expit(right)).astype(int)
    calibration = platt_scaling(right * [2.0, 0.5] + [1.0, -1.0], labels)
    assert calibration.scale == pytest.approx([0.5, 2.0], rel=0.06)
    assert calibration.shift == pytest.approx([-0.5, 2.0], abs=0.1)


def test_a_label_without_a_positive_row_stays_as_it_is():
    calibration = platt_scaling(np.array([[1.0, 2.0], [-1.0, 3.0]]), np.array([[1, 0], [0, 0]]))
    assert (calibration.scale[1], calibration.shift[1]) == (1.0, 0.0)


def test_a_row_is_calibrated_by_others():
    logits, labels = drawn(3.0, rows=50)
    changed = labels.copy()
    changed[7] = (changed[7] + 1) % 3
    before, after = (cross_fitted(logits, one, temperature_scaling) for one in (labels, changed))
    assert before[7].tolist() == after[7].tolist()
    assert (before != after).any()
    np.testing.assert_array_equal(before.argmax(axis=1), logits.argmax(axis=1))
