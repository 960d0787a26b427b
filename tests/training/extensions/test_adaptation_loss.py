"""The loss of an update with target rows, by hand, and the networks that train with it."""

import pytest
import torch

from nlp_transfer.methods import CORAL, DANN, Joint
from nlp_transfer.methods.alignment import Features
from nlp_transfer.training.extensions.adaptation_loss import make_networks, total_loss
from nlp_transfer.training.extensions.domain_adaptation import DomainAdaptation
from tests.tiny_models import context, tiny_model
from tests.training.stand_in import attached, stand_in


def test_terms_are_added_to_the_weighted_loss_of_the_source():
    torch.manual_seed(0)
    source = Features(torch.randn(4, 3), torch.randn(4, 2), torch.tensor([1.0, 2.0, 3.0, 6.0]))
    target = Features(torch.randn(4, 3), torch.randn(4, 2), torch.tensor([2.0, 2.0, 2.0, 4.0]))
    found, _ = total_loss([Joint(source_weight_start=0.25)], source, target, 0.5, {})
    assert found.item() == pytest.approx(0.25 * 3.0 + 0.75 * 2.5)
    method = CORAL(weight=2.0)
    term = method.term(source, target, 0.5, None)
    found, _ = total_loss([method], source, target, 0.5, {})
    assert found.item() == pytest.approx(3.0 + term.weight * term.value.item())


def test_networks_have_rates_of_their_own_and_weights_by_the_seed():
    model = tiny_model("bert")
    made = [make_networks([DANN(learning_rate=0.5)], model, context(seed=seed), sources=1) for seed in (0, 0, 1)]
    weights = [torch.cat([value.flatten() for value in one.parameters()]) for one in made]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached(DomainAdaptation(lambda batch: [batch]), stand_in(networks=made[0])).prepare_optimizer(optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
