"""The model type of extractive networks in a folder, and the family's configuration in memory."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig, BertConfig

from nlp_transfer.models.extractive_config import (
    OUTPUTS,
    extractive_config,
    is_extractive,
    saved_config,
    set_outputs,
    to_family_config,
    to_saved_config,
)
from tests.tiny_models import tiny_config, tiny_model


def test_a_saved_configuration_has_a_type_of_its_own(tmp_path: Path) -> None:
    family = tiny_config("bert")
    saved = to_saved_config(family)
    assert type(saved) is extractive_config(BertConfig)
    saved.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "extractive-bert"
    assert is_extractive(tmp_path)
    again = saved_config(tmp_path)
    assert type(again) is BertConfig
    assert again.hidden_size == family.hidden_size
    assert type(family) is BertConfig  # the original is not changed


def test_transformers_refuses_the_folder_by_its_type(tmp_path: Path) -> None:
    to_saved_config(tiny_config("electra")).save_pretrained(tmp_path)
    tree = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**tree, "model_type": "extractive-none"}))
    with pytest.raises(ValueError, match="extractive-none"):
        AutoConfig.from_pretrained(tmp_path)
    with pytest.raises(KeyError):
        saved_config(tmp_path)


def test_another_configuration_stays_as_it_is(tmp_path: Path) -> None:
    family = tiny_config("roberta")
    assert to_family_config(family) is family
    family.save_pretrained(tmp_path)
    assert not is_extractive(tmp_path)
    assert saved_config(tmp_path).model_type == "roberta"


def test_settings_of_outputs_are_set_inside_a_network_too() -> None:
    model = tiny_model("bert")
    model.config.return_dict = False
    model.config.chunk_size_feed_forward = 2
    set_outputs(model)
    assert {key: getattr(model.config, key) for key in OUTPUTS} == OUTPUTS
    assert all(
        module.chunk_size_feed_forward == 0 for module in model.modules() if hasattr(module, "chunk_size_feed_forward")
    )
