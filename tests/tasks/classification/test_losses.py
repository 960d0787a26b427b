"""Every loss against numbers worked out by hand."""

import math

import pytest
import torch

from nlp_transfer.tasks.classification.losses import (
    multi_label_loss,
    single_label_loss,
)

# softmax([0, ln 3]) = [1/4, 3/4]
LOGITS = torch.tensor([[0.0, math.log(3.0)]])


def test_cross_entropy_by_hand():
    assert single_label_loss(LOGITS, torch.tensor([1])).tolist() == pytest.approx([-math.log(0.75)])
    assert single_label_loss(LOGITS, torch.tensor([0])).tolist() == pytest.approx([-math.log(0.25)])


def test_focal_loss_by_hand():
    found = single_label_loss(LOGITS, torch.tensor([1]), focal_gamma=2.0)
    assert found.tolist() == pytest.approx([0.25**2 * -math.log(0.75)])


def test_label_smoothing_by_hand_and_as_torch_does_it():
    found = single_label_loss(LOGITS, torch.tensor([1]), label_smoothing=0.2)
    by_hand = -(0.9 * math.log(0.75) + 0.1 * math.log(0.25))
    assert found.tolist() == pytest.approx([by_hand])
    assert torch.nn.functional.cross_entropy(LOGITS, torch.tensor([1]), label_smoothing=0.2).item() == pytest.approx(
        by_hand
    )


def test_class_weights_multiply_a_rows_loss():
    logits = LOGITS.repeat(2, 1)
    found = single_label_loss(logits, torch.tensor([0, 1]), class_weights=torch.tensor([3.0, 0.5]))
    assert found.tolist() == pytest.approx([3.0 * -math.log(0.25), 0.5 * -math.log(0.75)])


def test_multi_label_loss_is_the_mean_of_the_binary_ones():
    # sigmoid(0) = 1/2, sigmoid(ln 3) = 3/4
    found = multi_label_loss(LOGITS, torch.tensor([[1.0, 0.0]]))
    assert found.tolist() == pytest.approx([(-math.log(0.5) - math.log(0.25)) / 2])


def test_multi_label_options_by_hand():
    labels = torch.tensor([[1.0, 1.0]])
    weighted = multi_label_loss(LOGITS, labels, positive_weights=torch.tensor([2.0, 4.0]))
    assert weighted.tolist() == pytest.approx([(2 * -math.log(0.5) + 4 * -math.log(0.75)) / 2])
    focal = multi_label_loss(LOGITS, torch.tensor([[1.0, 0.0]]), focal_gamma=2.0)
    assert focal.tolist() == pytest.approx([(0.5**2 * -math.log(0.5) + 0.75**2 * -math.log(0.25)) / 2])
    smooth = multi_label_loss(LOGITS[:, 1:], torch.tensor([[1.0]]), label_smoothing=0.2)
    assert smooth.tolist() == pytest.approx([-(0.9 * math.log(0.75) + 0.1 * math.log(0.25))])
