"""Entries of the table are whole, and name what the networks have."""

import pytest
from torch import nn

from nlp_transfer.models.family_table import FAMILIES
from tests.tiny_models import tiny_model


@pytest.mark.parametrize("name", FAMILIES)
def test_names_of_an_entry_are_modules_of_the_network(name: str) -> None:
    entry, model = FAMILIES[name], tiny_model(name)
    encoder = model.base_model
    assert isinstance(encoder.get_submodule(entry.layers), nn.ModuleList)
    for module in entry.head:
        model.get_submodule(module)
    assert isinstance(model.get_submodule(entry.final_linear), nn.Linear)
    if entry.layer is not None:
        layer = encoder.get_submodule(entry.layers)[0]
        for linear in (*entry.layer.scores, *entry.layer.values, entry.layer.attention_output, entry.layer.output):
            assert isinstance(next(m for n, m in layer.named_modules() if n.endswith(linear)), nn.Linear)
    if entry.final_norm is not None:
        encoder.get_submodule(entry.final_norm)
    assert {pooling for pooling, _ in entry.pooling} <= {"mean", "cls"}
