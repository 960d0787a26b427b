"""Methods of a trainer, and the learning rates that they set."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import DANN, FullFineTuning
from nlp_transfer.training.method_setup import as_methods, set_learning_rates
from tests.tiny_models import tiny_model


def test_one_method_or_several_or_none():
    method = DANN()
    assert as_methods(method) == as_methods([method]) == (method,)
    assert as_methods(None) == ()
    wrong: list = [method, "dann"]
    with pytest.raises(ConfigError, match=r"^methods holds 'dann'; expected method objects, such as methods=\[LoRA"):
        as_methods(wrong)


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
