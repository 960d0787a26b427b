"""Methods of a trainer, and the learning rates that they set."""

import re

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import DANN, FullFineTuning, LoRA
from nlp_transfer.training.method_setup import as_methods, set_learning_rates
from tests.tiny_models import tiny_model


def test_one_method_or_several_or_none_by_object_class_or_name():
    method = DANN()
    for methods in (method, DANN, "dann", [method], (DANN,), ["dann"]):
        assert as_methods(methods) == (method,)
    assert as_methods(["lora", FullFineTuning(layer_decay=0.5)]) == (LoRA(), FullFineTuning(layer_decay=0.5))
    assert as_methods(None) == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("dnn", "methods.0: Unknown method 'dnn'. Did you mean 'dann'? Methods: full_fine_tuning, "),
        (3, "methods.0 is 3; expected a method, such as LoRA(r=8), or its name."),
        (int, "methods.0 is <class 'int'>; expected a method, such as LoRA(r=8), or its name."),
        ("peft", "methods.0: peft has settings without a default. Write PeftAdapter(…)."),
    ],
)
def test_what_is_no_method_is_named(wrong, message):
    with pytest.raises(ConfigError, match="^" + re.escape(message)):
        as_methods([wrong])


def test_lower_layers_get_smaller_rates_where_a_method_asks_for_it():
    model = tiny_model("bert")
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    set_learning_rates(optimizer, [FullFineTuning(layer_decay=0.5)], model, 1.0)
    assert sorted({group["lr"] for group in optimizer.param_groups})[-2:] == [0.5, 1.0]
    assert all(group["momentum"] == 0.9 for group in optimizer.param_groups)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    plain = torch.optim.SGD(model.parameters(), lr=1.0)
    set_learning_rates(plain, [FullFineTuning()], model, 1.0)
    assert len(plain.param_groups) == 1
