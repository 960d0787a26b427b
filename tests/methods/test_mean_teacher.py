"""The disagreement with a teacher, against numbers worked out by hand."""

import math

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import MeanTeacher
from nlp_transfer.methods.mean_teacher import disagreement_with
from tests.methods.adapting import side, term_of

TAUGHT = torch.tensor([[0.8, 0.1, 0.1], [0.4, 0.3, 0.3]])


def test_the_disagreement_by_hand() -> None:
    predicted = torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]])
    confidence = [(3 * 0.8 - 1) / 2, (3 * 0.4 - 1) / 2]
    losses = [
        -(0.8 * math.log(0.5) + 0.2 * math.log(0.25)),
        -(0.7 * math.log(0.2) + 0.3 * math.log(0.6)),
    ]
    loss, mean = disagreement_with(TAUGHT.log(), predicted.log(), multi_label=False)
    assert mean.item() == pytest.approx(sum(confidence) / 2)
    assert loss.item() == pytest.approx((confidence[0] * losses[0] + confidence[1] * losses[1]) / 2)


def test_the_disagreement_over_several_labels_by_hand() -> None:
    teacher = torch.tensor([[math.log(9.0), 0.0]])  # 0.9, and 0.5, of which it is not sure at all
    loss, mean = disagreement_with(teacher, torch.zeros(1, 2), multi_label=True)
    assert mean.item() == pytest.approx(0.4)
    assert loss.item() == pytest.approx(0.8 * math.log(2) / 2)


def test_a_teacher_without_an_opinion_teaches_nothing_and_gets_no_gradient() -> None:
    logits, teacher = torch.randn(4, 3, requires_grad=True), torch.zeros(4, 3, requires_grad=True)
    loss, _ = disagreement_with(teacher, logits, multi_label=False)
    gradient, none = torch.autograd.grad(loss, (logits, teacher), allow_unused=True)
    assert gradient.abs().max() == 0
    assert none is None


def test_the_strength_ramps_up() -> None:
    method = MeanTeacher(weight=3.0, ramp_up=0.4)
    assert method.strength(0.0) == pytest.approx(math.exp(-5))
    assert method.strength(0.2) == pytest.approx(math.exp(-1.25))
    assert method.strength(0.4) == method.strength(1.0) == 1.0
    assert MeanTeacher(ramp_up=0.0).strength(0.0) == 1.0
    source, target = side(torch.zeros(2, 4)), side(torch.zeros(2, 4), teacher=TAUGHT.log())
    term, _ = term_of(method, source, target, progress=0.2)
    assert term.weight == pytest.approx(3 * math.exp(-1.25))
    assert term.logged == {"confidence": pytest.approx(0.4)}
    assert method.term(source, side(torch.zeros(2, 4)), 0.2, None) is None


def test_wrong_values_are_named_together() -> None:
    with pytest.raises(ConfigError) as caught:
        MeanTeacher(weight=-1, decay=1, ramp_up=2, mask_probability=1)
    assert caught.value.problems == [
        "mean_teacher.weight is -1; expected 0 or more.",
        "mean_teacher.decay is 1; expected 0 <= decay < 1.",
        "mean_teacher.ramp_up is 2; expected 0 <= share <= 1.",
        "mean_teacher.mask_probability is 1; expected 0 <= value < 1.",
    ]
    with pytest.raises(ConfigError, match=r"^mean_teacher masks tokens and needs the tokenizer"):
        MeanTeacher().check_run(None, 3)
    MeanTeacher(mask_probability=0).check_run(None, 3)
    assert (MeanTeacher().masks_tokens, MeanTeacher(mask_probability=0).masks_tokens) == (True, False)
