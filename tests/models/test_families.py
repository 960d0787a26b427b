"""The table agrees with the networks."""

import pytest
import torch
from peft import LoraConfig, TaskType
from torch import nn

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.adapters import peft_model
from nlp_transfer.models.families import (
    check_layer_count,
    count_parameters,
    encoder_layers,
    family,
    final_linear,
    lora_targets,
    train_only,
    train_top_layers,
    unused_parameters,
)
from nlp_transfer.models.family_table import FAMILIES as TABLE
from tests.tiny_models import FAMILIES, LAYERS, MORE_FAMILIES, collate, random_rows, tiny_model
from tests.tiny_writers import tiny_writer

ALL = [*FAMILIES, *MORE_FAMILIES]


def test_every_family_of_the_table_is_tested() -> None:
    assert set(ALL) == set(TABLE)


@pytest.mark.parametrize("name", ALL)
def test_layers_head_and_final_linear(name: str) -> None:
    model = tiny_model(name, num_labels=5)
    assert len(encoder_layers(model)) == (1 if name == "albert" else LAYERS)
    linear_name, linear = final_linear(model)
    assert (linear.out_features, linear.in_features) == (5, 32)
    assert any(linear_name == head or linear_name.startswith(f"{head}.") for head in family(model).head)
    assert isinstance(model.get_submodule(family(model).dense), nn.Linear)


@pytest.mark.parametrize("name", ALL)
def test_head_is_all_between_the_encoder_and_the_logits(name: str) -> None:
    """Everything outside the encoder belongs to the head, and nothing else does but poolers."""
    model = tiny_model(name)
    encoder = model.base_model_prefix + "."
    outside = {parameter for parameter, _ in model.named_parameters() if not parameter.startswith(encoder)}
    heads = tuple(f"{head}." for head in family(model).head)
    inside_head = {parameter for parameter, _ in model.named_parameters() if parameter.startswith(heads)}
    assert outside <= inside_head
    assert all("pooler" in parameter for parameter in inside_head - outside)


@pytest.mark.parametrize("name", ALL)
def test_unused_parameters_are_those_without_gradient(name: str) -> None:
    model = tiny_model(name)
    rows = random_rows(3)
    model(**collate(list(rows))).loss.backward()
    without = [parameter for parameter, value in model.named_parameters() if value.grad is None]
    assert without == unused_parameters(model)


def test_free_and_count() -> None:
    model = tiny_model("big_bird")
    train_only(model, [model])
    trainable, total = count_parameters(model)
    assert total - trainable == 32 * 32 + 32  # the pooler that no classifier reads
    train_only(model, [model.classifier])
    assert count_parameters(model)[0] == 32 * 32 + 32 + 32 * 3 + 3


def test_tied_weights_count_once() -> None:
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    assert count_parameters(nn.Sequential(first, second)) == (16, 16)


def test_lora_targets_follow_what_is_free() -> None:
    model = tiny_model("bert")
    train_only(model, [encoder_layers(model)[2]])
    targets = lora_targets(model)
    assert len(targets) == 6
    assert targets[0] == "bert.encoder.layer.2.attention.self.query"
    model.requires_grad_(False)
    with pytest.raises(ConfigError, match="Every layer of the encoder is frozen, so an adapter has nothing to change"):
        lora_targets(model)


def test_final_linear_makes_the_logits() -> None:
    model = tiny_model("roberta")
    name, linear = final_linear(model)
    with torch.no_grad():
        linear.weight.zero_()
        linear.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    assert name == "classifier.out_proj"
    assert model(torch.tensor([[5, 6, 7]])).logits[0].tolist() == [1.0, 2.0, 3.0]


WRITERS_PARTS = {
    "bert2bert": ("encoder.encoder.layer", ("decoder",), "decoder.cls.predictions.decoder", None, ("encoder.pooler",)),
    "t5": ("encoder.block", ("decoder", "lm_head"), "lm_head", "encoder.final_layer_norm", ()),
    "bart": ("encoder.layers", ("model.decoder", "lm_head"), "lm_head", None, ()),
}


@pytest.mark.parametrize("kind", WRITERS_PARTS)
def test_the_head_of_an_encoder_decoder_is_all_after_its_encoder(kind):
    model = tiny_writer(kind)
    found = family(model)
    parts = found.layers, found.head, found.final_linear, found.final_norm, found.unused
    assert parts == WRITERS_PARTS[kind]
    depth = {"bert2bert": 3, "t5": 2, "bart": 2}[kind]
    assert len(encoder_layers(model)) == depth
    with pytest.raises(
        ConfigError, match=rf"k is 9, but this [a-z0-9-]+ encoder has {depth} layers\. Set it to {depth}"
    ):
        check_layer_count("k", 9, model)


@pytest.mark.parametrize("kind", WRITERS_PARTS)
def test_what_both_sides_share_goes_with_the_encoder(kind):
    model = tiny_writer(kind)
    train_top_layers(model, [])
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    in_encoder = {id(parameter) for parameter in model.get_encoder().parameters()}
    assert trained
    assert not any(id(parameter) in in_encoder and parameter.requires_grad for parameter in model.parameters())
    assert all("decoder" in name or "lm_head" in name for name in trained)
    layers = list(encoder_layers(model))
    train_top_layers(model, layers[-1:])
    assert all(parameter.requires_grad for parameter in layers[-1].parameters())
    assert not any(parameter.requires_grad for parameter in layers[0].parameters())


@pytest.mark.parametrize("kind", WRITERS_PARTS)
def test_adapters_go_on_the_layers_of_both_sides(kind):
    model = tiny_writer(kind)
    layers = encoder_layers(model)
    names = lora_targets(model)
    linear = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    assert set(names) <= linear
    assert len(names) == len(set(names))
    sides = {side: [name for name in names if f"{side}." in name] for side in ("encoder", "decoder")}
    assert all(sides.values())
    above = lora_targets(model, top_layers=1)
    assert set(above) < set(names)
    lowest = {id(module) for module in layers[0].modules()}
    assert not any(id(model.get_submodule(name)) in lowest for name in above)
    new = tuple(f"{name}.weight" for name in names[:2])
    adapted = peft_model(model, LoraConfig(r=2), new)
    assert not set(names[:2]) & set(adapted.active_peft_config.target_modules)
    assert set(names[:2]) <= set(adapted.active_peft_config.modules_to_save)
    assert adapted.active_peft_config.task_type == TaskType.SEQ_2_SEQ_LM
