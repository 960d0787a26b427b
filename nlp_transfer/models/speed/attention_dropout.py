"""Set another attention dropout than the checkpoint's, in a configuration or in a built network."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig

from nlp_transfer.errors import ConfigError

KEYS = ("attention_probs_dropout_prob", "attention_dropout")
"""Names of attention dropout in families' configurations."""


def set_in_config(config: PreTrainedConfig, share: float | None) -> bool:
    """Set attention dropout in a configuration and in those of its two sides; return True if it has one."""
    sides = [side for side in vars(config).values() if hasattr(side, "model_type")]
    keys = [key for key in KEYS if hasattr(config, key)]
    if share is not None:
        for key in keys:
            setattr(config, key, share)
    return any([bool(keys), *(set_in_config(side, share) for side in sides)])


@contextmanager
def attention_dropout(model: nn.Module, share: float | None) -> Iterator[None]:
    """Use another attention dropout in training inside the block; the configuration is not changed.

    The attributes in which a network of the changed configuration differs are set. The model is out of any adapter.
    """
    if share is None:
        yield
        return
    config: Any = copy.deepcopy(getattr(model, "config", None))
    if config is None or not set_in_config(config, share):
        raise ConfigError(
            f"training.attention_dropout is {share}, but the configuration of {type(model).__name__} has none of "
            f"{', '.join(KEYS)}. Leave it out."
        )
    before, after = _parts(model, model.config), _parts(model, config)
    changed = []
    for module, name in after.keys() & before.keys():  # a dropout that only one of them has is exchanged as a whole
        value, was = after[module, name], before[module, name]
        if (value != was and type(value) is float) or type(value) is not type(was):
            owner: Any = model.get_submodule(module)
            changed.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in changed:
            setattr(owner, name, value)


def _parts(model: nn.Module, config: Any) -> dict[tuple[str, str], Any]:
    """Return numbers and dropouts of a network of a configuration, by module and name, without weights."""
    kind: Any = type(model)
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        network: nn.Module = kind(copy.deepcopy(config))
    return {
        (where, name): value
        for where, module in network.named_modules()
        for name, value in [*vars(module).items(), *module.named_children()]
        if isinstance(value, float | nn.Dropout | nn.Identity)
    }
