"""Which layers are frozen, what of a model decides their outputs, and that chance is off in them."""

import pytest
import torch

from nlp_transfer.methods import FullFineTuning, LoRA, PartialFineTuning, PeftAdapter
from nlp_transfer.models.activation_cache.frozen import (
    encoder_identity,
    frozen_layers,
    frozen_modules,
)
from nlp_transfer.models.families import encoder_layers, final_linear, plain_model
from tests.tiny_models import FAMILIES, MORE_FAMILIES, context, tiny_model


@pytest.mark.parametrize("family", [*FAMILIES, *MORE_FAMILIES])
def test_layers_below_the_first_that_trains(family: str) -> None:
    depth = len(encoder_layers(tiny_model(family)))
    for trained in range(depth + 1):
        model = PartialFineTuning(layers=trained).prepare(tiny_model(family), context())
        assert frozen_layers(model) == depth - trained
    assert frozen_layers(FullFineTuning().prepare(tiny_model(family), context())) == 0


def test_adapters_count_where_they_are() -> None:
    assert frozen_layers(LoRA(r=2, layers=1).prepare(tiny_model("bert"), context())) == 2
    assert frozen_layers(LoRA(r=2).prepare(tiny_model("bert"), context())) == 0
    prompt = PeftAdapter(peft_type="PROMPT_TUNING", settings={"num_virtual_tokens": 3})
    assert frozen_layers(prompt.prepare(tiny_model("bert"), context())) == 0


def test_embeddings_that_train_and_unknown_networks_leave_nothing_frozen() -> None:
    model = PartialFineTuning(layers=1).prepare(tiny_model("bert"), context())
    model.bert.embeddings.LayerNorm.weight.requires_grad_(True)
    assert frozen_layers(model) == 0
    model = PartialFineTuning(layers=1).prepare(tiny_model("bert"), context())
    model.config.model_type = "gpt2"
    assert frozen_layers(model) == 0


def test_dropout_is_off_below_and_on_above() -> None:
    model = tiny_model("bert").train()
    for module in frozen_modules(model, 2):
        module.training = False
    states = {name: m.training for name, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    assert states
    for name, training in states.items():
        assert training == ("layer.2." in name or name == "dropout"), name
    assert [layer.attention.self.training for layer in model.bert.encoder.layer] == [False, False, True]
    assert frozen_modules(model, 0) == []


def test_the_identity_depends_on_weights_and_config_below_only() -> None:
    def identity(change=lambda model: None, layers=2, **options) -> str:
        model = tiny_model("bert")
        with torch.no_grad():
            change(model)
        return encoder_identity(model, layers, **options)

    expected = identity()
    assert identity(lambda m: final_linear(m)[1].weight.add_(1)) == expected
    assert identity(lambda m: m.bert.pooler.dense.weight.add_(1)) == expected
    assert identity(lambda m: m.bert.encoder.layer[2].output.dense.weight.add_(1)) == expected
    assert identity(lambda m: setattr(m.config, "id2label", {0: "other"})) == expected
    others = [
        identity(lambda m: m.bert.encoder.layer[1].output.dense.weight[0, 0].add_(1e-6)),
        identity(lambda m: m.bert.embeddings.word_embeddings.weight[3, 3].add_(1e-6)),
        identity(lambda m: setattr(m.config, "layer_norm_eps", 1e-3)),
        identity(lambda m: m.bert.to(torch.bfloat16)),
        identity(layers=1),
    ]
    assert len({expected, *others}) == 6


def test_the_final_norm_counts_where_it_is_asked_for() -> None:
    model = tiny_model("modernbert")
    before = encoder_identity(model, 3), encoder_identity(model, 3, norm=True)
    with torch.no_grad():
        model.model.final_norm.weight.add_(1)
    assert encoder_identity(model, 3) == before[0]
    assert encoder_identity(model, 3, norm=True) != before[1]


def test_an_adapter_above_changes_no_identity() -> None:
    expected = encoder_identity(tiny_model("bert"), 2)
    assert encoder_identity(plain_model(LoRA(r=2, layers=1).prepare(tiny_model("bert"), context())), 2) == expected
