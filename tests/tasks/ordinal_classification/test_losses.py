"""The ordinal loss by hand, and what it prefers."""

import math

import pytest
import torch

from nlp_transfer.tasks.ordinal_classification.losses import ordinal_loss


def test_by_hand():
    # p = (.5, .25, .25): P(y >= 1) = .5, P(y >= 2) = .25.
    logits = torch.tensor([[0.5, 0.25, 0.25]]).log().expand(3, 3)
    expected = [
        -(math.log(0.5) + math.log(0.5) + math.log(0.75)) / 2,
        -(math.log(0.25) + math.log(0.5) + math.log(0.75)) / 2,
        -(math.log(0.25) + math.log(0.5) + math.log(0.25)) / 2,
    ]
    assert ordinal_loss(logits, torch.tensor([0, 1, 2])).tolist() == pytest.approx(expected)
    weights = torch.tensor([1.0, 2.0, 0.5])
    weighted = ordinal_loss(logits, torch.tensor([0, 1, 2]), class_weights=weights)
    assert weighted.tolist() == pytest.approx([expected[0], 2 * expected[1], expected[2] / 2])


def test_losses_have_the_precision_of_the_logits():
    # Heads are fitted in float64, where float32 would end the search too early or never.
    logits, labels = torch.tensor([[0.1, 0.2, 0.4]], dtype=torch.float64), torch.tensor([1])
    assert ordinal_loss(logits, labels).dtype == torch.float64
    assert ordinal_loss(logits.bfloat16(), labels).dtype == torch.float32


def test_two_classes_are_a_cross_entropy():
    logits, labels = torch.randn(20, 2, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 2
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(ordinal_loss(logits, labels), expected)


def test_the_same_mass_costs_more_farther_away():
    far, near = torch.tensor([[0.2, 0.1, 0.1, 0.6]]).log(), torch.tensor([[0.2, 0.6, 0.1, 0.1]]).log()
    truth = torch.tensor([0])
    assert ordinal_loss(far, truth) > ordinal_loss(near, truth) + 0.5


def test_it_is_finite_with_gradients_for_large_logits():
    logits = torch.tensor([[80.0, -80.0, 0.0]], requires_grad=True)
    loss = ordinal_loss(logits, torch.tensor([1])).sum()
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()  # type: ignore[arg-type]
