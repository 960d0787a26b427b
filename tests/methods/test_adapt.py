"""The combination of CORAL and a mean teacher."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CORAL, Adapt, FullFineTuning, MeanTeacher
from nlp_transfer.methods.base import composition_problems
from tests.methods.adapting import side, term_of


def test_the_term_is_the_sum_of_both() -> None:
    torch.manual_seed(0)
    source, target = side(torch.randn(4, 3)), side(torch.randn(4, 3) + 1, teacher=torch.randn(4, 3))
    term, _ = term_of(Adapt(weight=0.5), source, target, progress=0.1)
    coral, taught = (term_of(one, source, target, progress=0.1)[0] for one in (CORAL(), MeanTeacher()))
    assert term.weight == 0.5
    assert term.value.item() == pytest.approx(100 * coral.value.item() + taught.weight * taught.value.item())
    parts = {"coral": 100 * coral.value.item(), "mean_teacher": taught.weight * taught.value.item()}
    assert term.logged == pytest.approx(parts)


def test_what_is_missing_is_left_out() -> None:
    pair = side(torch.randn(4, 3)), side(torch.randn(4, 3))
    assert term_of(Adapt(), *pair)[0].logged.keys() == {"coral"}
    single = side(torch.randn(1, 3)), side(torch.randn(1, 3), teacher=torch.randn(1, 3))
    assert term_of(Adapt(), *single)[0].logged.keys() == {"mean_teacher"}
    assert Adapt().term(side(torch.randn(1, 3)), side(torch.randn(1, 3)), 0.5, None) is None


def test_its_parts_cannot_join_it() -> None:
    assert composition_problems([FullFineTuning(), Adapt(), CORAL(), MeanTeacher()]) == [
        "methods: adapt contains coral. Leave coral out.",
        "methods: adapt contains mean_teacher. Leave mean_teacher out.",
    ]
    assert composition_problems([FullFineTuning(), CORAL(), MeanTeacher()]) == []


def test_it_masks_tokens_as_its_teacher_does() -> None:
    assert Adapt().masks_tokens
    with pytest.raises(ConfigError, match=r"^adapt masks tokens and needs the tokenizer"):
        Adapt().check_run(None, 3)
