"""Recomputed parts have the gradients of the full graph, and leave random numbers as they were."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nlp_transfer.models.speed import recomputation
from nlp_transfer.models.speed.recomputation import recomputed

CPU = torch.device("cpu")


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.unused = nn.Linear(6, 5), nn.Linear(5, 2), nn.Linear(2, 2)
        self.dropout = nn.Dropout(0.4)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.dropout(self.first(rows).tanh())
        return self.second(hidden), hidden


def gradients(model: Network, parts: list[Tensor], *, full: bool, bf16: bool) -> tuple[Tensor, dict[str, Any], Tensor]:
    torch.manual_seed(5)
    model.zero_grad()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        if full:
            logits, hidden = map(torch.cat, zip(*map(model, parts), strict=True))
        else:
            logits, hidden = recomputed(lambda part: model(parts[part]), len(parts), trained, CPU)
    after = torch.rand(3)
    (logits.float().square().sum() + hidden.float().mean()).backward()
    return logits.detach(), {name: parameter.grad for name, parameter in model.named_parameters()}, after


@pytest.mark.parametrize("bf16", [False, True])
def test_gradients_are_those_of_the_full_graph(bf16: bool) -> None:
    torch.manual_seed(0)
    model, parts = Network(), [torch.randn(rows, 6) for rows in (3, 1, 4)]
    model.first.bias.requires_grad_(False)
    logits, expected, after = gradients(model, parts, full=True, bf16=bf16)
    expected = {name: None if x is None else x.clone() for name, x in expected.items()}
    found_logits, found, found_after = gradients(model, parts, full=False, bf16=bf16)
    torch.testing.assert_close(found_logits, logits)
    torch.testing.assert_close(found_after, after)
    assert found["first.bias"] is None and found["unused.weight"] is None
    tolerance = 1e-2 if bf16 else 1e-6
    for name in ("first.weight", "second.weight", "second.bias"):
        torch.testing.assert_close(found[name], expected[name], atol=tolerance, rtol=tolerance)


def test_the_backward_pass_draws_no_random_numbers() -> None:
    model, parts = Network(), [torch.randn(2, 6) for _ in range(3)]
    logits, _ = recomputed(lambda part: model(parts[part]), 3, list(model.second.parameters()), CPU)
    before = torch.get_rng_state()
    logits.sum().backward()
    torch.testing.assert_close(torch.get_rng_state(), before)


def test_a_part_has_no_graph_in_the_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model, part = Network(), torch.randn(2, 6)
    graphs: list[bool] = []

    def read(_: int) -> tuple[Tensor, Tensor]:
        graphs.append(torch.is_grad_enabled())
        return model(part)

    logits, _ = recomputation.recomputed(read, 2, list(model.parameters()), CPU)
    assert graphs == [False, False]
    logits.sum().backward()
    assert graphs == [False, False, True, True]


def test_parameters_that_share_a_gradient() -> None:
    a, b = (torch.tensor(2.0, requires_grad=True) for _ in range(2))
    sums, constant = recomputed(lambda part: (((a + b) * (part + 1))[None], torch.ones(1)), 4, [a, b], CPU)
    (sums.sum() + constant.sum()).backward()
    assert (a.grad, b.grad) == (torch.tensor(10.0), torch.tensor(10.0))
