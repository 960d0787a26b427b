"""Wrong labels come first."""

import numpy as np
import pytest

from nlp_transfer.metrics.label_errors import find_label_errors


def test_flipped_labels_come_first() -> None:
    random = np.random.default_rng(0)
    truth = np.arange(300) % 3
    probabilities = random.dirichlet([1, 1, 1], 300) * 0.4 + np.eye(3)[truth] * 0.6
    flipped = random.choice(300, 30, replace=False)
    labels = truth.copy()
    labels[flipped] = (labels[flipped] + 1) % 3
    found = find_label_errors(labels, probabilities)
    assert set(found.order[:30]) == set(flipped)
    assert found.count == pytest.approx(30, abs=5)
    assert (np.diff(found.quality[found.order]) >= 0).all()


def test_of_several_labels() -> None:
    random = np.random.default_rng(0)
    truth = (random.random((200, 3)) < 0.4).astype(int)
    probabilities = np.clip(truth * 0.8 + 0.1 + random.normal(0, 0.03, truth.shape), 0, 1)
    labels = truth.copy()
    labels[:10, 1] = 1 - labels[:10, 1]
    found = find_label_errors(labels, probabilities)
    assert set(found.order[:10]) == set(range(10))
    assert found.count >= 8
