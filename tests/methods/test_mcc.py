"""Minimum class confusion against a matrix worked out by hand."""

import math

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import MCC
from nlp_transfer.methods.mcc import class_confusion
from tests.methods.adapting import term_of, two_sides
from tests.tiny_models import tiny_model

PROBABILITIES = torch.tensor([[0.8, 0.2], [0.5, 0.5]])


def test_the_confusion_by_hand() -> None:
    entropies = [-(0.8 * math.log(0.8) + 0.2 * math.log(0.2)), math.log(2)]
    sure = [1 + math.exp(-entropy) for entropy in entropies]
    first, second = (2 * one / sum(sure) for one in sure)
    assert first > 1 > second
    rows = [
        [0.64 * first + 0.25 * second, 0.16 * first + 0.25 * second],
        [0.16 * first + 0.25 * second, 0.04 * first + 0.25 * second],
    ]
    by_hand = (rows[0][1] / sum(rows[0]) + rows[1][0] / sum(rows[1])) / 2
    assert class_confusion(PROBABILITIES.log(), 1.0).item() == pytest.approx(by_hand)
    assert class_confusion(4 * PROBABILITIES.log(), 4.0).item() == pytest.approx(by_hand)


def test_sure_predictions_of_all_classes_have_no_confusion() -> None:
    assert class_confusion(100 * torch.eye(3), 1.0).item() == pytest.approx(0.0, abs=1e-6)
    assert class_confusion(torch.zeros(4, 3), 1.0).item() == pytest.approx(2 / 3)


def test_no_gradient_goes_through_the_weights() -> None:
    logits = PROBABILITIES.log().requires_grad_()
    gradient = torch.autograd.grad(class_confusion(logits, 1.0), logits)[0]
    logs = logits.detach().log_softmax(1)
    sure = 1 + (logs.exp() * logs).sum(1).exp()
    weights = 2 * sure / sure.sum()

    def fixed(values: torch.Tensor) -> torch.Tensor:
        chances = values.softmax(1)
        confusion = (chances * weights[:, None]).T @ chances
        return 1 - (confusion.diagonal() / confusion.sum(1)).mean()

    expected = torch.autograd.functional.jacobian(fixed, logits.detach())
    torch.testing.assert_close(gradient, expected)


def test_the_term_and_wrong_use() -> None:
    source, target = two_sides()
    term, network = term_of(MCC(weight=0.5), source, target)
    assert (term.weight, network) == (0.5, None)
    assert term.value.item() == pytest.approx(class_confusion(target.logits, 2.5).item())
    with pytest.raises(ConfigError, match=r"mcc\.temperature is 0; expected more than 0\."):
        MCC(temperature=0)
    with pytest.raises(ConfigError, match="mcc is for one label a text, and the model gives several"):
        MCC().check(tiny_model("bert", multi_label=True))
