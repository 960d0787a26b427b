"""Losses of tokens, by hand."""

import math

import pytest
import torch

from nlp_transfer.models.heads.token_losses import loss_sums, row_losses


def test_sums_and_numbers_of_the_tokens_that_count():
    logits = torch.zeros(2, 3, 4)
    logits[0, 0, 1] = math.log(3)  # p = 3 / 6 of class 1, 1 / 6 of the others
    labels = torch.tensor([[1, -100], [2, 0]])  # fewer than tokens: the rest is padding
    sums = loss_sums(logits, labels)
    expected = [[math.log(2), 1], [2 * math.log(4), 2]]
    assert torch.allclose(sums, torch.tensor(expected))
    assert row_losses(sums).mean() == pytest.approx((math.log(2) + 2 * math.log(4)) / 3)


def test_the_mean_of_the_row_losses_is_that_of_all_tokens():
    made = torch.tensor([[6.0, 3.0], [2.0, 1.0]])
    assert row_losses(made, torch.zeros(2)).mean() == 8.0 / 4.0
    assert row_losses(torch.zeros(2, 2)).tolist() == [0.0, 0.0]


def test_ignored_tokens_have_no_gradient():
    logits = torch.randn(1, 2, 3, requires_grad=True)
    loss_sums(logits, torch.tensor([[1, -100]]))[:, 0].sum().backward()
    assert logits.grad is not None
    assert (logits.grad[0, 1] == 0).all()
    assert (logits.grad[0, 0] != 0).all()
