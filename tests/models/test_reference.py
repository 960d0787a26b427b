"""The reference by which models are loaded."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from nlp_transfer.config.experiment import load_config
from nlp_transfer.models.reference import ModelReference


def test_a_name_alone_loads_without_code_and_without_attention_dropout():
    reference = ModelReference("some/model")
    assert (reference.revision, reference.trust_remote_code, reference.attention_dropout) == (None, False, 0.0)
    changed: Any = reference
    with pytest.raises(FrozenInstanceError):
        changed.model = "other/model"


def test_an_experiment_gives_all_four_keys(tmp_path):
    tree = {"model": "some/model", "source": {"path": str(tmp_path)}, "training": {"output_dir": "runs/one"}}
    keys = {"revision": "v1", "trust_remote_code": True, "attention_dropout": None}
    assert load_config(tree={**tree, **keys}).model_reference == ModelReference("some/model", "v1", True, None)
