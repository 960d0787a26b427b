"""DANN: the features' gradient is the discriminator's, turned around and scaled."""

import math

import pytest
import torch
from torch.nn import functional

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import DANN
from tests.methods.adapting import term_of, two_sides


def test_the_features_work_against_the_discriminator_and_it_learns_in_full() -> None:
    source, target = two_sides()
    term, network = term_of(DANN(weight=0.3, gamma=10.0), source, target, progress=0.5)
    assert network is not None
    strength = 0.3 * (2 / (1 + math.exp(-5)) - 1)
    assert term.weight == 1.0
    assert term.logged["strength"] == pytest.approx(strength)
    everything = (source.pooled, target.pooled, *network.parameters())
    found = torch.autograd.grad(term.value, everything)

    plain = (
        functional.softplus(network(source.pooled)).mean() + functional.softplus(-network(target.pooled)).mean()
    ) / 2
    assert term.value.item() == pytest.approx(plain.item())
    expected = torch.autograd.grad(plain, everything)
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, -strength * other if number < 2 else other)


def test_at_the_start_nothing_works_back_on_the_encoder() -> None:
    source, target = two_sides()
    term, network = term_of(DANN(), source, target, progress=0.0)
    assert network is not None
    gradients = torch.autograd.grad(term.value, (source.pooled, *network.parameters()))
    assert gradients[0].abs().max() == 0
    assert gradients[1].abs().max() > 0


def test_wrong_values_are_named_together() -> None:
    with pytest.raises(ConfigError) as caught:
        DANN(weight=-1, gamma=0, hidden_size=0, learning_rate=float("nan"))
    assert caught.value.problems == [
        "dann.weight is -1; expected 0 or more.",
        "dann.gamma is 0; expected more than 0 (10 reaches half strength at a tenth).",
        "dann.hidden_size is 0; expected 1 or more.",
        "dann.learning_rate is nan; expected more than 0.",
    ]
