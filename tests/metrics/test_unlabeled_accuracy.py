"""Accuracy without labels by hand, and on domains that differ."""

import numpy as np
import pytest

from nlp_transfer.metrics.unlabeled_accuracy import Evidence, estimate_accuracy


def evidence(confidence: np.ndarray, agreement: float = 1.0) -> Evidence:
    return Evidence(confidence, np.full(len(confidence), agreement))


def test_by_hand() -> None:
    known, right = np.array([0.5, 0.6, 0.7, 0.8, 0.9]), np.array([False, True, False, True, True])
    found = estimate_accuracy(right, evidence(known, 0.9), evidence(np.array([0.65, 0.7, 0.95, 0.99]), 0.8))
    # Two are wrong, so the threshold is the third smallest, 0.7, and three of four lie above it. Of the known texts 0.6
    # are right, and the others' models agree in 0.1 less.
    assert found.accuracy == pytest.approx((0.75 + 0.5) / 2)
    assert found.low < 0.6 < 0.65 < found.high


def test_it_follows_a_shift_of_confidence() -> None:
    random = np.random.default_rng(0)

    def domain(hard: float) -> tuple[Evidence, np.ndarray]:
        confidence = np.where(random.random(4000) < hard, random.uniform(0.5, 0.7, 4000), random.uniform(0.9, 1, 4000))
        return Evidence(confidence, confidence), random.random(4000) < confidence

    known, right = domain(0.2)
    same, truth = domain(0.2)
    found = estimate_accuracy(right, known, same)
    assert found.accuracy == pytest.approx(truth.mean(), abs=0.02)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.0215, abs=0.005)  # mostly the deviation of any shift
    others = [domain(hard) for hard in (0.2, 0.4, 0.6)]
    estimates = [estimate_accuracy(right, known, unlabeled).accuracy for unlabeled, _ in others]
    assert estimates[0] > estimates[1] + 0.09 > estimates[2] + 0.18
    for estimate, (_, true) in zip(estimates, others, strict=True):
        assert estimate == pytest.approx(
            true.mean(), abs=0.085
        )  # thresholded confidence alone is 0.14 off for the last


def test_all_right_and_nothing_known() -> None:
    known, sure = evidence(np.array([0.5, 0.6, 0.7])), evidence(np.array([0.9]))
    assert estimate_accuracy(np.ones(3, bool), known, sure).accuracy == 1.0
    assert estimate_accuracy(np.zeros(3, bool), known, sure).accuracy == 0.0
    assert estimate_accuracy(np.ones(3, bool), known._replace(agreement=np.zeros(3)), sure).high == 1.0
    with pytest.raises(ValueError, match="needs known texts"):
        estimate_accuracy(np.array([]), evidence(np.array([])), evidence(np.array([0.5])))
