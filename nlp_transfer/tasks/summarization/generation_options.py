"""Check generation options: settings of transformers' `GenerationConfig`."""

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import torch
    from transformers import GenerationConfig, PreTrainedTokenizerBase

RESERVED = {"num_return_sequences", "return_dict_in_generate", "transformers_version"}
"""Settings that change the number of summaries of a text."""

MODES = {"greedy_search", "sample", "beam_search", "beam_sample"}
"""Generation modes that transformers implements for batches."""


def generation_config(
    model: Any, tokenizer: "PreTrainedTokenizerBase", base: "GenerationConfig | None", options: Mapping[str, Any]
) -> "GenerationConfig":
    """Return a generation config with other options; raise ConfigError for those that fail in one step of generation.

    Args:
        base: config to change, which stays as it is; None is the network's own.
    """
    config: GenerationConfig = copy.deepcopy(base or model.generation_config)
    names = set(config.to_dict()) - RESERVED
    if unknown := [name for name in options if name not in names]:
        raise ConfigError([did_you_mean("generation setting", name, sorted(names)) for name in unknown])
    try:
        config.update(**options)
        mode = config.get_generation_mode()
        if mode in MODES:
            _try(model, tokenizer, config)
    except Exception as error:
        given = ", ".join(f"{name}={value}" for name, value in options.items())
        raise ConfigError(f"{given}: it cannot write so: {' '.join(str(error).split())}") from error
    if mode not in MODES:
        raise ConfigError(
            f"{', '.join(options)}: with these it writes by {mode.value.replace('_', ' ')}; expected "
            f"{', '.join(sorted(MODES)).replace('_', ' ')}."
        )
    return config


def _try(model: Any, tokenizer: "PreTrainedTokenizerBase", config: "GenerationConfig") -> None:
    """Generate one token; raise what transformers raises."""
    import torch

    text = torch.tensor([tokenizer("a")["input_ids"]], device=model.device)

    def at_once(ids: "torch.Tensor", *_: Any, **__: Any) -> "torch.Tensor":
        return torch.ones(len(ids), dtype=torch.bool, device=ids.device)

    with torch.inference_mode():
        model.generate(text, generation_config=config, stopping_criteria=[at_once])
