"""Convert between a family's configuration and the one in an extractive network's folder.

    config.json             in memory
    extractive-bert    <->  BertConfig, bert

With a type of its own, transformers refuses the folder until `register_models` has been called, where it would replace
our head by a random one. In memory the family's own configuration is used, so that the family table applies.
"""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

EXTRACTIVE_PREFIX = "extractive-"
"""Prefix of a family's name in the model type of an extractive summarizer."""

OUTPUTS = {
    **{"return_dict": True, "output_attentions": False, "output_hidden_states": False},
    "chunk_size_feed_forward": 0,  # the results are the same, and texts of other lengths are not refused
}
"""Settings of a configuration that change a network's return values, with the required values."""


@lru_cache
def extractive_config(family: Any) -> Any:
    """Return the configuration class of an extractive summarizer of a family."""
    fields = {"model_type": EXTRACTIVE_PREFIX + family.model_type, "__module__": __name__, "__doc__": family.__doc__}
    return type(f"Extractive{family.__name__}", (family,), fields)


def to_saved_config(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return a family's configuration as it is written to an extractive summarizer's folder."""
    family: Any = type(config)
    return _of_class(config, extractive_config(family))


def to_family_config(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return the family's configuration of a saved one; other configurations unchanged."""
    if not type(config).model_type.startswith(EXTRACTIVE_PREFIX):
        return config
    return _of_class(config, type(config).__mro__[1])


def is_extractive(folder: str | Path) -> bool:
    """Return True if a folder's model type is that of an extractive summarizer."""
    return _model_type(folder).startswith(EXTRACTIVE_PREFIX)


def saved_config(folder: str | Path, **options: Any) -> PreTrainedConfig:
    """Return the configuration in a folder, the family's for our own type, registered or not."""
    options = {**OUTPUTS, **options}
    if not is_extractive(folder):
        return AutoConfig.from_pretrained(folder, **options)
    family: Any = CONFIG_MAPPING[_model_type(folder).removeprefix(EXTRACTIVE_PREFIX)]
    return to_family_config(extractive_config(family).from_pretrained(folder, **OUTPUTS))


def set_outputs(model: Any) -> None:
    """Set `OUTPUTS` in the configurations of a network and of the networks inside it."""
    for module in model.modules():
        for holder in (module, getattr(module, "config", None)):  # layers hold the size of their chunks
            for key, value in OUTPUTS.items():
                if hasattr(holder, key):
                    setattr(holder, key, value)


def _model_type(folder: str | Path) -> str:
    tree, _ = PreTrainedConfig.get_config_dict(folder)
    return str(tree.get("model_type"))


def _of_class(config: PreTrainedConfig, kind: Any) -> PreTrainedConfig:
    """Return a copy of another class with all attributes, private ones included."""
    other: Any = copy.copy(config)
    other.__class__ = kind
    other.__dict__.pop("model_type", None)  # set by reading a file, in addition to the class's own
    return other  # type: ignore[no-any-return]
