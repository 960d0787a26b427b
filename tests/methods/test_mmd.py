"""MMD against kernels worked out by hand."""

import math

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import MMD
from nlp_transfer.methods.mmd import mmd_loss
from tests.methods.adapting import term_of, two_sides


def test_the_loss_by_hand() -> None:
    # Squared distances: within the source 4, within the target 0, across 1, 1, 9, 9. Sorted 0 1 1 4 9 9: the lower
    # of the two in the middle is 1.
    source, target = torch.tensor([[0.0], [2.0]]), torch.tensor([[-1.0], [-1.0]])

    def kernel(width: float) -> float:
        def k(distance: float) -> float:
            return math.exp(-distance / width)

        return k(4) + 1 - 2 * (k(1) + k(9)) / 2  # one pair within the source, one within the target

    assert mmd_loss(source, target, [1.0]).item() == pytest.approx(kernel(1.0))
    assert mmd_loss(source, target, [0.5, 2.0]).item() == pytest.approx((kernel(0.5) + kernel(2.0)) / 2)


def test_one_distribution_gives_zero_and_distant_ones_no_more_than_two() -> None:
    torch.manual_seed(0)
    rows = torch.randn(8, 5)
    of_one = [mmd_loss(*torch.randn(2, 8, 5)).item() for _ in range(400)]
    assert sum(of_one) / 400 == pytest.approx(0.0, abs=0.01)  # without bias, though no two samples are equal
    assert min(of_one) < 0 < max(of_one)
    assert 0.5 < mmd_loss(rows, rows + 100).item() <= 2.0
    assert torch.isfinite(mmd_loss(rows[:1].expand(4, 5), rows[:1].expand(4, 5)))  # no distance at all


def test_the_gradient_pulls_the_means_together_and_the_median_is_a_constant() -> None:
    source, target = two_sides(hidden=1)
    term, network = term_of(MMD(weight=0.5), source, target)
    assert (term.weight, network) == (0.5, None)
    by_source, by_target = torch.autograd.grad(term.value, (source.pooled, target.pooled))
    # Moving both domains along changes nothing; the source's mean lies below, so it is pulled up.
    assert (by_source.sum() + by_target.sum()).item() == pytest.approx(0.0, abs=1e-6)
    assert by_source.sum() < 0


def test_rows_of_one_distribution_are_not_pushed_into_one_place() -> None:
    torch.manual_seed(0)
    pulls = []
    for _ in range(400):
        source, target = torch.randn(2, 16, 4)
        source.requires_grad_()
        (gradient,) = torch.autograd.grad(mmd_loss(source, target), source)
        pulls.append((gradient * source).sum().item())  # how much the loss falls when the source shrinks
    assert abs(sum(pulls) / 400) < 3 * torch.tensor(pulls).std().item() / 20


def test_a_pair_needs_two_rows() -> None:
    with pytest.raises(ValueError, match="MMD got 1 source and 3 target rows; it needs two of each"):
        mmd_loss(torch.ones(1, 2), torch.ones(3, 2))
    source, target = two_sides(rows=1)
    assert MMD().term(source, target, 0.5, None) is None


def test_what_all_rows_share_costs_no_digits() -> None:
    source, target = two_sides(hidden=4)
    plain = mmd_loss(source.pooled.double(), target.pooled.double())
    shifted = mmd_loss(source.pooled + 1000, target.pooled + 1000)
    assert shifted.item() == pytest.approx(plain.item(), rel=1e-3)


def test_wrong_values() -> None:
    with pytest.raises(ConfigError) as caught:
        MMD(weight=-1, bandwidths=[1.0, 0.0])
    assert caught.value.problems == [
        "mmd.weight is -1; expected 0 or more.",
        "mmd.bandwidths is [1.0, 0.0]; expected multiples of the median, each more than 0.",
    ]
