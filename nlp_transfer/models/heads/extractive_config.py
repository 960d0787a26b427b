"""The configuration of a network of our own, as it stands in its folder: a model type that transformers does not have.

    config.json             in memory
    extractive-bert    <->  BertConfig, bert

A folder whose model type were `bert` would load as any BERT: `AutoModelForSequenceClassification` would put a random
head in the place of ours, with a warning that nobody reads in a log. With a type of its own, transformers refuses the
folder by name until `register_models` has been called. In memory the family's own configuration is used, so that all
that is known of the family holds. Folders that say `bert`, as they did before, are read, too.
"""

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig, PreTrainedConfig

EXTRACTIVE_PREFIX = "extractive-"
"""The prefix of a family's name in the model type of an extractive summariser."""

OUTPUTS = {
    **{"return_dict": True, "output_attentions": False, "output_hidden_states": False},
    "chunk_size_feed_forward": 0,  # the results are the same, and texts of other lengths are not refused
}
"""Settings of a configuration that change how a network returns its results, with the values that are needed here."""


@lru_cache
def extractive_config(family: Any) -> Any:
    """Return the class of an extractive summariser's configuration, from its family's."""
    fields = {"model_type": EXTRACTIVE_PREFIX + family.model_type, "__module__": __name__, "__doc__": family.__doc__}
    return type(f"Extractive{family.__name__}", (family,), fields)


def written_form(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return a family's configuration as an extractive summariser's folder has it."""
    family: Any = type(config)
    return _of_class(config, extractive_config(family))


def family_form(config: PreTrainedConfig) -> PreTrainedConfig:
    """Return the family's configuration of what a folder has; any other as it is."""
    if not type(config).model_type.startswith(EXTRACTIVE_PREFIX):
        return config
    return _of_class(config, type(config).__mro__[1])


def is_extractive(folder: str | Path) -> bool:
    """Return True if a folder says by its model type that it holds an extractive summariser."""
    return _model_type(folder).startswith(EXTRACTIVE_PREFIX)


def saved_config(folder: str | Path, **options: Any) -> PreTrainedConfig:
    """Return the configuration in a folder, of ours the family's, registered or not; see `AutoConfig.from_pretrained`.

    Args:
        folder: of a model.
        options: of `AutoConfig.from_pretrained`.

    Raises:
        OSError, ValueError, KeyError: it cannot be read, or is of an unknown type.
    """
    options = {**OUTPUTS, **options}
    if not is_extractive(folder):
        return AutoConfig.from_pretrained(folder, **options)
    family: Any = CONFIG_MAPPING[_model_type(folder).removeprefix(EXTRACTIVE_PREFIX)]
    return family_form(extractive_config(family).from_pretrained(folder, **OUTPUTS))


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
    """Return a copy of another class, with all values, private ones included."""
    other: Any = copy.copy(config)
    other.__class__ = kind
    other.__dict__.pop("model_type", None)  # which reading a file sets beside the class's own
    return other  # type: ignore[no-any-return]
