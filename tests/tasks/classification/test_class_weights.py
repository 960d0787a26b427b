"""Class weights against numbers worked out by hand."""

import pytest
import torch

from nlp_transfer.tasks.classification.class_weights import balanced_class_weights, balanced_positive_weights


def test_balanced_weights_have_mean_one_over_the_rows_and_ignore_empty_classes():
    counts = torch.tensor([6.0, 2.0, 0.0])
    weights = balanced_class_weights(counts)
    assert weights.tolist() == pytest.approx([8 / (3 * 6), 8 / (3 * 2), 0.0])
    assert balanced_class_weights(torch.tensor([6.0, 2.0])).dot(torch.tensor([6.0, 2.0])).item() == pytest.approx(8.0)


def test_balanced_positive_weights_by_hand():
    assert balanced_positive_weights(torch.tensor([2.0, 5.0, 0.0]), 10).tolist() == pytest.approx([4.0, 1.0, 1.0])
