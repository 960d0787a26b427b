"""Stored states of tiny models."""

from pathlib import Path
from typing import Any

import torch

from nlp_transfer.models.activation_cache.digests import unique_texts
from nlp_transfer.models.activation_cache.replay import StoredStates
from nlp_transfer.models.activation_cache.store import ActivationStore
from nlp_transfer.models.activation_cache.writer import (
    layers_return_tuples,
    write_states,
)
from nlp_transfer.models.families import encoder_layers
from tests.tiny_models import collate, random_rows

ROWS = random_rows(12, seed=3)


def stored(model: Any, folder: Path, layers: list[int], rows: Any = ROWS, **options: Any) -> StoredStates:
    store, texts = ActivationStore(10**8, folder), unique_texts([rows])
    keys = {layer: f"{layer:064d}" for layer in layers}
    write_states(model, texts, store, keys, max_tokens=60, quiet=True, **options)
    entries = {layer: store.read(key) for layer, key in keys.items()}
    return StoredStates(model, entries, returns_tuple=layers_return_tuples(model, texts))


def batch(rows: Any = ROWS) -> dict[str, torch.Tensor]:
    made = collate(list(rows))
    made.pop("labels")
    return made


class Calls:
    """Counts how often each layer's feed-forward block, or what makes it, is computed."""

    def __init__(self, model: Any) -> None:
        self.seen: list[int] = []
        for index, layer in enumerate(encoder_layers(model)):
            linear = next(module for module in layer.modules() if isinstance(module, torch.nn.Linear))
            linear.register_forward_hook(lambda *_, index=index: self.seen.append(index))
