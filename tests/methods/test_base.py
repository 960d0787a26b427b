"""Methods as a list, their values, and the order in which they prepare a model."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import (
    CORAL,
    DANN,
    FrozenEncoder,
    FullFineTuning,
    Joint,
    LoRA,
    SelfTraining,
    SourceFree,
    TargetMLM,
)
from nlp_transfer.methods.base import Change, Method, composition_problems, prepare_all, source_free
from tests.tiny_models import context, tiny_model


@dataclass(frozen=True)
class Sized(Method):
    name: ClassVar[str] = "sized"
    hidden_size: int = 8
    share: float = 0.5

    def __post_init__(self) -> None:
        self.check_values(share=(0 < self.share <= 1, "0 < share <= 1"))


def test_wrong_values_and_sizes_are_named_together() -> None:
    assert Sized().reserved_positions == 0
    with pytest.raises(ConfigError) as caught:
        Sized(hidden_size=10**9, share=2.0)
    assert caught.value.problems == [
        "sized.hidden_size is 1,000,000,000; expected at most 16,384: no encoder's layers are wider.",
        "sized.share is 2.0; expected 0 < share <= 1.",
    ]


def test_methods_that_go_together_have_no_problem() -> None:
    assert composition_problems([FullFineTuning(), DANN(), CORAL()]) == []
    assert FullFineTuning.changes == {Change.TRAINABLE_WEIGHTS}


def test_each_part_of_the_training_has_one_method() -> None:
    assert composition_problems([FullFineTuning(), LoRA(), Joint(), SelfTraining()]) == [
        "methods: full_fine_tuning and lora each choose the trainable weights; only one of them can be in a run.",
        "methods: joint and self_training each give target rows labels; only one of them can be in a run.",
    ]
    assert composition_problems([DANN(), DANN()]) == ["methods: dann is listed 2 times."]
    [problem] = composition_problems([FullFineTuning(), TargetMLM(), DANN()])
    assert problem == "methods: target_mlm masks tokens of target texts, which dann would read. Take one."
    [problem] = composition_problems([FrozenEncoder(), DANN()])
    assert problem.startswith("methods: frozen_encoder fits the model before the training with dann, which would do")


def test_a_method_without_a_source_has_the_target_to_itself() -> None:
    assert composition_problems([LoRA(), SourceFree()]) == []
    assert (source_free([LoRA(), SourceFree()]), source_free([LoRA(), CORAL()])) == ("source_free", None)
    assert composition_problems([FullFineTuning(), SourceFree(), CORAL()]) == [
        "methods: source_free reads no source text, which coral needs. Take one of them."
    ]


def test_methods_prepare_a_model_in_their_order() -> None:
    model = prepare_all([LoRA(r=2), DANN()], tiny_model("bert"), context())
    assert any(".lora_A." in name for name, _ in model.named_parameters())
    with pytest.raises(ConfigError, match="dann is listed 2 times"):
        prepare_all([DANN(), DANN()], tiny_model("bert"), context())
