"""A discriminator of the domains: two of them, or each of several sources and the target."""

import math

import pytest
import torch
from torch.nn import functional

from nlp_transfer.methods import CDAN, DANN
from tests.methods.adapting import side, term_of, two_sides


def test_two_domains_have_one_logit() -> None:
    source, target = two_sides()
    term, network = term_of(DANN(), source, target)
    assert network is not None
    found = network(torch.cat([source.pooled, target.pooled]))
    assert found.shape == (12,)
    accuracy = torch.cat([found[:6] < 0, found[6:] > 0]).float().mean().item()
    assert term.logged["domain_accuracy"] in (pytest.approx(accuracy), pytest.approx(1 - accuracy))


def test_each_source_is_a_domain_of_its_own() -> None:
    torch.manual_seed(0)
    domains = torch.tensor([0, 0, 1, 1, 0, 1])
    source, target = side(torch.randn(6, 4), domains=domains), side(torch.randn(6, 4) + 1)
    term, network = term_of(DANN(), source, target)
    assert network is not None
    logits = network(torch.cat([source.pooled, target.pooled]))
    assert logits.shape == (12, 3)
    losses = functional.cross_entropy(logits, torch.cat([domains, torch.full((6,), 2)]), reduction="none")
    assert term.value.item() > 0
    assert term.value.item() == pytest.approx(losses.mean().item(), rel=0.5)  # the mean over domains, not over rows


def test_the_strength_grows_with_the_run() -> None:
    source, target = two_sides()
    grown = [term_of(CDAN(weight=0.5, gamma=10), source, target, progress)[0] for progress in (0.0, 0.1, 1.0)]
    expected = [0.5 * (2 / (1 + math.exp(-10 * progress)) - 1) for progress in (0.0, 0.1, 1.0)]
    assert [term.logged["strength"] for term in grown] == pytest.approx(expected)
