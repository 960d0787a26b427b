"""CDAN: what it sees, whom it weighs, and where its gradient goes."""

import math

import pytest
import torch
from torch.nn import functional

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CDAN
from nlp_transfer.methods.cdan import entropy
from tests.methods.adapting import term_of, two_sides


def test_entropy_by_hand() -> None:
    found = entropy(torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]]), multi_label=False)
    assert found.tolist() == pytest.approx([1.5 * math.log(2), 0.0])
    labels = entropy(torch.tensor([[0.5, 1.0]]), multi_label=True)
    assert labels.tolist() == pytest.approx([math.log(2) / 2])


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("conditioned", [False, True])
def test_the_loss_and_its_reversed_gradient(conditioned: bool, multi_label: bool) -> None:
    source, target = two_sides(multi_label=multi_label)
    method = CDAN(weight=0.5, entropy_conditioning=conditioned)
    term, network = term_of(method, source, target, progress=1.0)
    assert network is not None
    strength = 0.5 * (2 / (1 + math.exp(-10)) - 1)
    found = torch.autograd.grad(term.value, (source.pooled, target.pooled, *network.parameters()))

    plain = 0.0
    for side, sign in ((source, 1), (target, -1)):
        probabilities = (side.logits.sigmoid() if multi_label else side.logits.softmax(-1)).detach()
        rows = functional.softplus(sign * network(side.pooled, probabilities))
        weights = torch.ones(len(rows))
        if conditioned and multi_label:
            p = probabilities
            weights += torch.exp((p * p.log() + (1 - p) * (1 - p).log()).mean(-1))
        elif conditioned:
            weights += torch.exp((probabilities * probabilities.log()).sum(-1))
        plain = plain + (rows * weights / weights.sum()).sum() / 2
    assert term.value.item() == pytest.approx(plain.item())
    expected = torch.autograd.grad(plain, (source.pooled, target.pooled, *network.parameters()))
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, -strength * other if number < 2 else other)


def test_no_gradient_through_the_probabilities() -> None:
    source, target = two_sides()
    term, _ = term_of(CDAN(), source, target)
    assert torch.autograd.grad(term.value, source.logits, allow_unused=True) == (None,)


def test_wrong_values() -> None:
    with pytest.raises(ConfigError, match=r"cdan\.weight is -0\.5; expected 0 or more\."):
        CDAN(weight=-0.5)
