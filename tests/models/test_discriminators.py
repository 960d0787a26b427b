"""Discriminators: reversed gradients, the loss by hand, and what a conditional one sees."""

import math

import pytest
import torch

from nlp_transfer.models.discriminators import (
    MAX_PRODUCTS,
    RANDOM_PRODUCTS,
    ConditionalDiscriminator,
    Discriminator,
    domain_accuracy,
    domain_ids,
    domain_loss,
    reverse_gradient,
)


def test_reversal_is_the_identity_forward_and_turns_the_gradient() -> None:
    features = torch.tensor([[1.0, -2.0]], requires_grad=True)
    found = reverse_gradient(features, 0.25)
    assert torch.equal(found, features)
    (found * torch.tensor([3.0, 4.0])).sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[-0.75, -1.0]]


def test_the_loss_by_hand() -> None:
    # Source rows of logit 0 and ln 3: log 2 and log 4; a target row of logit ln 3: log(4/3).
    logits, domains = torch.tensor([0.0, math.log(3.0), math.log(3.0)]), torch.tensor([0, 0, 1])
    assert domain_loss(logits, domains).item() == pytest.approx((math.log(8) / 2 + math.log(4 / 3)) / 2)
    # Weights 3 and 1, in any scale: (3 log 2 + log 4) / 4.
    weighted = domain_loss(logits, domains, torch.tensor([6.0, 2.0, 5.0]))
    assert weighted.item() == pytest.approx((5 * math.log(2) / 4 + math.log(4 / 3)) / 2)
    assert domain_loss(torch.zeros(8), torch.tensor([0] * 3 + [1] * 5)).item() == pytest.approx(math.log(2))


def test_accuracy_counts_each_domain_half() -> None:
    assert domain_accuracy(torch.tensor([-1.0, -1.0, -1.0, 1.0, 1.0]), torch.tensor([0] * 4 + [1])) == 0.875
    assert domain_accuracy(torch.zeros(9), torch.tensor([0] * 7 + [1] * 2)) == 0.5


def test_several_domains_by_hand() -> None:
    # Softmax of (ln 2, 0, 0) is (1/2, 1/4, 1/4). Domain 0: log 2 and log 4; domain 2: log 4; domain 1 has no rows.
    logits = torch.tensor([[math.log(2), 0.0, 0.0], [0.0, math.log(2), 0.0], [0.0, math.log(2), 0.0]])
    domains = torch.tensor([0, 0, 2])
    assert domain_loss(logits, domains).item() == pytest.approx((math.log(8) / 2 + math.log(4)) / 2)
    # Weights 3 and 1 within domain 0: (3 log 2 + log 4) / 4.
    weighted = domain_loss(logits, domains, torch.tensor([6.0, 2.0, 1.0]))
    assert weighted.item() == pytest.approx((5 * math.log(2) / 4 + math.log(4)) / 2)
    assert domain_loss(torch.zeros(4, 3), torch.tensor([0, 1, 2, 2])).item() == pytest.approx(math.log(3))
    assert domain_accuracy(logits, domains) == 0.25
    assert domain_ids(torch.tensor([1, 0]), logits[:1]).tolist() == [1, 0, 2]
    assert domain_ids(torch.tensor([0, 0]), torch.zeros(1)).tolist() == [0, 0, 1]


def test_it_learns_to_tell_domains_apart() -> None:
    torch.manual_seed(0)
    features, domains = torch.cat([torch.randn(64, 8), torch.randn(64, 8) + 1.5]), torch.arange(128) // 64
    network = Discriminator(8, 16)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        domain_loss(network(features), domains).backward()
        optimizer.step()
    assert domain_accuracy(network(features), domains) > 0.95


def test_a_conditional_one_sees_the_outer_product() -> None:
    network = ConditionalDiscriminator(2, 3, 4)
    seen: list[torch.Tensor] = []
    network.discriminator.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    assert network(torch.tensor([[2.0, 5.0]]), torch.tensor([[0.5, 0.25, 0.25]])).shape == (1,)
    assert seen[0].tolist() == [[1.0, 2.5, 0.5, 1.25, 0.5, 1.25]]


def test_a_wide_product_is_projected_and_keeps_scalar_products() -> None:
    torch.manual_seed(0)
    classes = 8
    width = MAX_PRODUCTS // classes + 1
    network = ConditionalDiscriminator(width, classes, 4)
    assert {"of_features", "of_classes"} <= set(network.state_dict())
    seen: list[torch.Tensor] = []
    network.discriminator.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    features, probabilities = torch.randn(3, width), torch.randn(3, classes).softmax(-1)
    network(features, probabilities)
    assert seen[0].shape == (3, RANDOM_PRODUCTS)
    expected = (features @ features.T) * (probabilities @ probabilities.T)
    torch.testing.assert_close(seen[0] @ seen[0].T, expected, atol=0.2 * expected.abs().max().item(), rtol=0.0)
