import copy

import pytest
import torch
from torch import nn
from transformers import PreTrainedConfig

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.speed.attention_dropout import KEYS, attention_dropout, set_in_config
from tests.tiny_models import tiny_model


def shares(model):
    """All numbers and dropouts of a network, by name."""
    numbers = {
        (where, name): value
        for where, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, float)
    }
    return numbers | {(where, "is"): type(module) for where, module in model.named_modules()}


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "electra", "modernbert", "deberta-v2", "longformer"])
@pytest.mark.parametrize("share", [0.0, 0.35])
def test_inside_a_network_is_as_one_built_with_that_share(kind, share):
    model = tiny_model(kind)
    before, text = shares(model), model.config.to_json_string()
    changed = copy.deepcopy(model.config)
    set_in_config(changed, share)
    expected, state = shares(type(model)(changed)), torch.get_rng_state()
    with attention_dropout(model, share):
        assert shares(model) == expected
        assert model.config.to_json_string() == text
    assert shares(model) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert any(getattr(changed, key, None) == share for key in KEYS)


def test_what_a_user_set_in_the_network_stays():
    model = tiny_model("bert")
    hidden = model.bert.encoder.layer[0].output.dropout
    hidden.p = 0.77
    with attention_dropout(model, 0.2):
        assert (hidden.p, model.bert.encoder.layer[0].attention.self.dropout.p) == (0.77, 0.2)
    with attention_dropout(model, None):
        assert model.bert.encoder.layer[0].attention.self.dropout.p == 0.1


def test_a_network_without_any_is_refused():
    without, empty = nn.Linear(2, 2), nn.Linear(2, 2)
    empty.config = PreTrainedConfig()
    for model in (without, empty):
        with (
            pytest.raises(ConfigError, match=r"attention_dropout is 0\.2, but the configuration of Linear has none of"),
            attention_dropout(model, 0.2),
        ):
            pass
