"""The table agrees with the networks."""

import pytest
import torch
from torch import nn

from nlp_transfer.errors import ConfigError
from nlp_transfer.models import families
from nlp_transfer.models.families import (
    count_parameters,
    encoder_layers,
    family,
    final_linear,
    free,
    head_modules,
    lora_targets,
    unused_parameters,
)
from tests.tiny_models import FAMILIES, LAYERS, MORE_FAMILIES, collate, random_rows, tiny_model

ALL = [*FAMILIES, *MORE_FAMILIES]


def test_every_family_of_the_table_is_tested() -> None:
    assert set(ALL) == set(families.FAMILIES)


@pytest.mark.parametrize("name", ALL)
def test_layers_head_and_final_linear(name: str) -> None:
    model = tiny_model(name, num_labels=5)
    assert len(encoder_layers(model)) == (1 if name == "albert" else LAYERS)
    linear_name, linear = final_linear(model)
    assert (linear.out_features, linear.in_features) == (5, 32)
    assert any(linear_name == head or linear_name.startswith(f"{head}.") for head in head_modules(model))
    assert isinstance(model.get_submodule(family(model).dense), nn.Linear)


@pytest.mark.parametrize("name", ALL)
def test_head_is_all_between_the_encoder_and_the_logits(name: str) -> None:
    """Everything outside the encoder belongs to the head, and nothing else does but poolers."""
    model = tiny_model(name)
    encoder = model.base_model_prefix + "."
    outside = {parameter for parameter, _ in model.named_parameters() if not parameter.startswith(encoder)}
    heads = tuple(f"{head}." for head in head_modules(model))
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
    free(model, [model])
    trainable, total = count_parameters(model)
    assert total - trainable == 32 * 32 + 32  # the pooler that no classifier reads
    free(model, [model.classifier])
    assert count_parameters(model)[0] == 32 * 32 + 32 + 32 * 3 + 3


def test_tied_weights_count_once() -> None:
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    assert count_parameters(nn.Sequential(first, second)) == (16, 16)


def test_lora_targets_follow_what_is_free() -> None:
    model = tiny_model("bert")
    free(model, [encoder_layers(model)[2]])
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
