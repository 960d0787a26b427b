"""Extend an encoder's position table for longer texts by repeating it.

    new[i] = old[i mod length of old]

Attention inside each stretch of the old length is then unchanged, while random new entries would have to be learned.
The network stays plain; only the cost of attention grows with the square of a text's length.
Reference: Longformer starts from a RoBERTa so extended: Beltagy et al. (2020), https://arxiv.org/abs/2004.05150
"""

from dataclasses import replace
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.loading import LoadedModel


def fit_positions(loaded: LoadedModel, max_length: int, name: str, *, repeat: bool) -> LoadedModel:
    """Return the model, able to read texts of `max_length` tokens, or raise `ConfigError`; repeats in place."""
    positions = loaded.max_positions
    if positions is None or max_length <= positions:
        return loaded
    table = position_table(loaded.model)
    if not repeat:
        more = "set task.extend_positions: true, " if table is not None else ""
        raise ConfigError(
            f"task.max_length is {max_length}, but {name} reads at most {positions} tokens. "
            f"Set task.max_length to {positions} or less, {more}or name an encoder for longer texts."
        )
    if table is None:
        raise ConfigError(
            f"task.extend_positions is on, but {name} has no table of positions that could be repeated. Set "
            f"task.max_length to {positions} or less, or name an encoder for longer texts."
        )
    extend_positions(loaded.model, positions, max_length)
    note = f"Its {positions:,} positions are repeated to {max_length:,}."
    return replace(loaded, max_positions=max_length, notes=(*loaded.notes, note))


def position_table(model: PreTrainedModel) -> nn.Embedding | None:
    """Return the embedding table of absolute positions; None for other encodings of positions."""
    embeddings = getattr(model.base_model, "embeddings", None)
    table = getattr(embeddings, "position_embeddings", None)
    return table if isinstance(table, nn.Embedding) else None


def extend_positions(model: PreTrainedModel, old: int, new: int) -> None:
    """Repeat a table of `old` usable positions to `new`, in place."""
    table = position_table(model)
    assert table is not None  # checked by fit_positions
    before = table.num_embeddings - old  # families after RoBERTa begin behind the padding id
    first, rest = table.weight.data[:before], table.weight.data[before:]
    longer = torch.cat([first, rest.repeat(-(-new // old), 1)[:new]])
    size = len(longer)
    table.weight = nn.Parameter(longer, requires_grad=table.weight.requires_grad)
    table.num_embeddings = size
    embeddings: Any = model.base_model.embeddings
    for name, fill in (("position_ids", torch.arange(size)), ("token_type_ids", torch.zeros(size, dtype=torch.long))):
        if isinstance(getattr(embeddings, name, None), torch.Tensor):
            embeddings.register_buffer(name, fill[None], persistent=name not in embeddings._non_persistent_buffers_set)
    model.config.max_position_embeddings = size
