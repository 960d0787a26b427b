"""Average thresholded confidence by hand, and on domains that differ."""

import numpy as np
import pytest

from nlp_transfer.metrics.unlabeled_accuracy import estimate_accuracy


def test_by_hand() -> None:
    known, right = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([False, True, False, True, True])
    found = estimate_accuracy(right, known, np.array([0.65, 0.7, 0.95, 0.99]))
    assert found.accuracy == 0.75  # two are wrong, so the threshold is the third smallest, 0.7
    assert found.low <= 0.75 <= found.high


def test_it_follows_a_shift_of_confidence() -> None:
    random = np.random.default_rng(0)

    def domain(hard: float) -> tuple[np.ndarray, np.ndarray]:
        confidence = np.where(random.random(4000) < hard, random.uniform(0.5, 0.7, 4000), random.uniform(0.9, 1, 4000))
        return confidence, random.random(4000) < confidence

    known, right = domain(0.2)
    same, truth = domain(0.2)
    assert estimate_accuracy(right, known, same).accuracy == pytest.approx(truth.mean(), abs=0.02)
    estimates = [estimate_accuracy(right, known, domain(hard)[0]).accuracy for hard in (0.2, 0.4, 0.6)]
    assert estimates[0] > estimates[1] + 0.1 > estimates[2] + 0.2


def test_all_right_and_nothing_known() -> None:
    assert estimate_accuracy(np.ones(3, bool), np.array([0.5, 0.6, 0.7]), np.array([0.9])).accuracy == 1.0
    assert estimate_accuracy(np.zeros(3, bool), np.array([0.5, 0.6, 0.7]), np.array([0.9])).accuracy == 0.0
    with pytest.raises(ValueError, match="needs known texts"):
        estimate_accuracy(np.array([]), np.array([]), np.array([0.5]))
