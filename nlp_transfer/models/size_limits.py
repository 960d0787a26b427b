"""Limit sizes: a larger value is a mistake that would exhaust the machine's memory.

One table by field name, for methods, tasks and training arguments.
"""

from collections.abc import Mapping
from typing import Any

LAYER_WIDTH = 16_384
"""Maximum width of a layer; no supported encoder comes near it."""

_WIDER = "no encoder's layers are wider"
_ROWS = "no device holds more rows at once"

LIMITS: dict[str, tuple[int, str]] = {
    "r": (LAYER_WIDTH, _WIDER),
    "lora_r": (LAYER_WIDTH, _WIDER),
    "hidden_size": (LAYER_WIDTH, _WIDER),
    "num_virtual_tokens": (LAYER_WIDTH, "no encoder reads a longer prompt"),
    "max_length": (1_000_000, "no encoder reads more tokens of a text"),
    "max_summary_length": (100_000, "no decoder writes a longer summary"),
    "num_beams": (1_000, "each beam holds the decoder's states again"),
    "no_repeat_ngram_size": (1_000, "no summary repeats so long a run of tokens"),
    "num_new_tokens": (100_000, "each is a row of the embeddings, and has to be learned"),
    "per_device_train_batch_size": (1_000_000, _ROWS),
    "per_device_eval_batch_size": (1_000_000, _ROWS),
    "gradient_accumulation_steps": (1_000_000, "the model would not be updated"),
    "dataloader_num_workers": (1_024, "each is a process of its own"),
    "dataloader_prefetch_factor": (10_000, "so many batches wait in each worker's memory"),
    **dict.fromkeys(("max_steps", "warmup_steps", "steps"), (100_000_000, "no run makes so many updates")),
    "texts_per_step": (16_384, "each is compared with all others"),
    "num_train_epochs": (1_000_000, "no run goes through its rows so often"),
    "cpu_threads": (4_096, "no machine has more cores"),
}
"""Maximum value of a field, and the reason."""


def size_problems(path: str, values: Mapping[str, Any]) -> list[str]:
    """Return a problem text for each value above its limit; `path` is the prefix of names, such as `training.`."""
    return [
        f"{path}{name} is {values[name]:,}; expected at most {limit:,}: {reason}."
        for name, (limit, reason) in LIMITS.items()
        if isinstance(values.get(name), int | float) and values[name] > limit
    ]
