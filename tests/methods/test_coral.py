"""Deep CORAL against covariances worked out by hand."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CORAL
from nlp_transfer.methods.coral import _covariance, coral_loss
from tests.methods.adapting import side, term_of, two_sides

SOURCE = torch.tensor([[0.0, 0.0], [2.0, 4.0]])
"""Covariance [[2, 4], [4, 8]]."""

TARGET = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0]])
"""Means 0 and 1; covariance [[1, 0], [0, 3]]."""


def test_the_loss_by_hand() -> None:
    assert _covariance(SOURCE).tolist() == [[2.0, 4.0], [4.0, 8.0]]
    assert _covariance(TARGET).tolist() == [[1.0, 0.0], [0.0, 3.0]]
    # (1² + 4² + 4² + 5²) / (4 · 2²)
    assert coral_loss(SOURCE, TARGET).item() == pytest.approx(58 / 16)


def test_a_shift_changes_nothing_and_equal_covariances_give_zero() -> None:
    assert coral_loss(SOURCE, SOURCE + 7).item() == pytest.approx(0.0, abs=1e-6)


def test_one_row_has_no_covariance() -> None:
    with pytest.raises(ValueError, match="CORAL got 1 source and 3 target rows; it needs two of each"):
        coral_loss(SOURCE[:1], TARGET)
    assert CORAL().term(side(SOURCE[:1]), side(TARGET), 0.5, None) is None


def test_the_term_and_its_gradient() -> None:
    source, target = two_sides()
    term, network = term_of(CORAL(weight=7.0), source, target)
    assert (term.weight, network) == (7.0, None)
    assert term.value.item() == pytest.approx(coral_loss(source.pooled, target.pooled).item())
    for gradient in torch.autograd.grad(term.value, (source.pooled, target.pooled)):
        assert gradient.abs().max() > 0


def test_wrong_values() -> None:
    with pytest.raises(ConfigError, match=r"coral\.weight is inf; expected 0 or more\."):
        CORAL(weight=float("inf"))
