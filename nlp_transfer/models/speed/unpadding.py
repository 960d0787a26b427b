"""Drop padding inside the encoder: its layers get the real tokens of a batch, one text after another.

    (batch, tokens, hidden)  ->  layers on (1, real tokens, hidden)  ->  (batch, tokens, hidden)

A hook before the first layer removes the padding, a hook after the last one restores it with zeros. Attention stays
inside each text (models/speed/attention.py), through transformers' registry. Networks whose attention does not use the
registry, or whose outputs would differ, keep their padding.
Reference: Portes et al. (2023), https://arxiv.org/abs/2312.17482
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from nlp_transfer.models.families import encoder_layers, family, is_known
from nlp_transfer.models.speed.attention import Group, attend, attend_padded, make_groups
from nlp_transfer.models.speed.dropout import is_cheap

ATTENTION = "nlp_transfer_texts"
"""Name in transformers' registry of attention functions."""

TOLERANCE = 1e-5
"""Maximum difference of logits with and without padding, relative to the largest."""

ROUNDINGS = 8
"""Maximum difference in units of the last place, in a coarser number format."""

FILL_MULTIPLE = 64
"""Multiple to which real tokens are filled up, because oneDNN on a CPU compiles kernels for each number of rows."""

MIN_FILLED_TOKENS = 512
"""Minimum number of tokens of a batch that is filled up."""


@dataclass
class Batch:
    """Hold the places of a batch's real tokens.

    Args:
        shape: (batch, tokens) with padding.
        places: of the real tokens in the padded batch, the longest text first; int64, shape (real tokens,).
        rows: the rows by length, the longest first.
        lengths: tokens of each, in that order.
    """

    shape: tuple[int, int]
    places: Tensor
    rows: Tensor
    lengths: list[int]
    _groups: dict[int, tuple[Tensor | None, list[Group]]] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Return the number of real tokens."""
        return len(self.places)

    @property
    def filling(self) -> int:
        """Return the number of rows of zeros after them, which belong to no text and have no gradient."""
        return -self.tokens % FILL_MULTIPLE if self.tokens >= MIN_FILLED_TOKENS else 0

    def groups(self, mask: Tensor | None) -> list[Group]:
        """Return the texts by length, for a mask of the padded batch; all layers share them."""
        if id(mask) not in self._groups:
            inside = None if mask is None else self._window(mask)
            self._groups[id(mask)] = (mask, make_groups(self.lengths, self.places.device, inside))
        return self._groups[id(mask)][1]

    def _window(self, mask: Tensor) -> Tensor | None:
        """Return the part of the mask beyond padding, rows by length; None if there is none."""
        width = self.shape[1]
        mask = mask.expand(self.shape[0], 1, width, width).index_select(0, self.rows)
        real = torch.arange(width, device=mask.device) < torch.tensor(self.lengths, device=mask.device)[:, None]
        both = (real[:, None, None, :] & real[:, None, :, None]).to(mask.device)
        return None if bool((mask | ~both).all()) else mask


_current: Batch | None = None
"""Batch in the layers. It stays until the next one, because gradient checkpointing recomputes layers."""


def read_batch(attention_mask: Any) -> Batch | None:
    """Return the batch of an attention mask, (batch, tokens); None for other masks, or if there is nothing to drop.

    Only padding on the right is dropped: with padding on the left the first token, which heads read, is padding.
    """
    if not isinstance(attention_mask, Tensor) or attention_mask.ndim != 2:
        return None
    real = attention_mask != 0
    if bool(real.all()) or not bool(real[:, 0].all()) or bool((real[:, 1:] & ~real[:, :-1]).any()):
        return None
    lengths = real.sum(1)
    rows = lengths.argsort(descending=True, stable=True)
    place = torch.arange(real.numel(), device=real.device).view(real.shape).index_select(0, rows)
    places = place[real.index_select(0, rows)]
    return Batch((real.shape[0], real.shape[1]), places, rows, lengths.index_select(0, rows).tolist())


@contextmanager
def unpadded(model: PreTrainedModel) -> Iterator[str | None]:
    """Drop padding in a network's layers, out of any adapter, if that changes nothing; yield the reason otherwise."""
    reason = _reason_against(model)
    with nullcontext() if reason else _active(model):
        yield reason


def _reason_against(model: PreTrainedModel) -> str | None:
    kind = getattr(getattr(model, "config", None), "model_type", None)
    if kind is None:
        return f"{type(model).__name__} is no network of transformers"
    if not is_known(model) or not family(model).attention_by_registry:
        return f"the attention of {kind} is its own"
    if model.config._attn_implementation not in ("sdpa", ATTENTION):
        return f"its attention is {model.config._attn_implementation!r}, not 'sdpa'"
    apart = _difference(model)
    return None if apart is None else f"its logits without padding differ by {apart:.2g}"


@contextmanager
def _active(model: PreTrainedModel) -> Iterator[None]:
    before = model.config._attn_implementation
    if before == ATTENTION:  # inside another block
        yield
        return
    layers = encoder_layers(model)
    with ExitStack() as stack:
        base: nn.Module = model.base_model
        stack.callback(base.register_forward_pre_hook(_note_batch, with_kwargs=True).remove)
        for layer in layers:
            hook = _unpad if layer is layers[0] else _place_positions
            stack.callback(layer.register_forward_pre_hook(hook, with_kwargs=True).remove)
        stack.callback(layers[-1].register_forward_hook(_pad).remove)
        model.set_attn_implementation(ATTENTION)
        stack.callback(model.set_attn_implementation, before)
        yield


@torch.no_grad()
def _difference(model: PreTrainedModel) -> float | None:
    """Return the relative difference of logits without padding on random tokens; None within `TOLERANCE`."""
    width = min(48, int(model.config.max_position_embeddings) // 2)
    lengths = torch.tensor([max(1, width * share // 12) for share in (4, 12, 7, 10, 1)])
    real = torch.arange(width) < lengths[:, None]
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, int(model.config.vocab_size), real.shape, generator=generator)
    ids = ids.masked_fill(~real, int(model.config.pad_token_id or 0)).to(model.device)
    inputs = {"input_ids": ids, "attention_mask": real.long().to(model.device)}
    was_training = model.training
    model.eval()
    try:
        expected = model(**inputs).logits
        with _active(model):
            relative = model(**inputs).logits
    finally:
        model.train(was_training)
    if expected.ndim == 3:  # scores of each token; those of padding mean nothing
        expected, relative = expected[real], relative[real]
    apart: float = (relative - expected).abs().max().item() / max(1.0, expected.abs().max().item())
    return None if apart <= max(TOLERANCE, ROUNDINGS * torch.finfo(relative.dtype).eps) else apart


def _note_batch(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Read the padding before the encoder; requested layer states keep their padding."""
    global _current  # noqa: PLW0603  # attention functions are given no place for it by all families
    recorded = any(kwargs.get(name) for name in ("output_hidden_states", "output_attentions"))
    config: Any = module.config
    recorded = recorded or config.output_hidden_states or config.output_attentions
    mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)
    _current = None if recorded else read_batch(mask)


def _unpad(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if _current is None:
        return args, kwargs
    states, *rest = args
    real = states.flatten(0, 1).index_select(0, _current.places)
    return _place_positions(layer, (_filled(real, _current)[None], *rest), kwargs)


def _place_positions(
    layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Select rotary position embeddings, (1 or batch, tokens, size), of the real tokens before each layer."""
    rotary = kwargs.get("position_embeddings")
    if _current is None or rotary is None:
        return args, kwargs
    places, width = _current.places, _current.shape[1]
    real = [part[0, places % width] if len(part) == 1 else part.flatten(0, 1)[places] for part in rotary]
    return args, {**kwargs, "position_embeddings": tuple(_filled(part, _current)[None] for part in real)}


def _filled(real: Tensor, batch: Batch) -> Tensor:
    """Return real tokens, (tokens, …), followed by zeros."""
    return functional.pad(real, (0, 0) * (real.ndim - 1) + (0, batch.filling)) if batch.filling else real


def _pad(layer: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
    if _current is None:
        return output
    states = output[0] if isinstance(output, tuple) else output
    rows, width = _current.shape
    whole = states.new_zeros(rows * width, states.shape[-1])
    padded = whole.index_copy(0, _current.places, states[0, : _current.tokens]).view(rows, width, -1)
    return (padded, *output[1:]) if isinstance(output, tuple) else padded


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute attention as transformers' attention functions do, for packed texts."""
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    how: Any = {"scale": scale, "dropout": dropout, "fast_dropout": is_cheap(module)}
    if kwargs.get("position_bias") is not None or kwargs.get("is_causal"):
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs
        )
    if _current is None or query.shape[2] != _current.tokens + _current.filling:
        output = attend_padded(query, key, value, attention_mask, **how)
        return output.transpose(1, 2), None
    if key.shape[1] != query.shape[1]:  # grouped queries
        key, value = (part.repeat_interleave(query.shape[1] // part.shape[1], 1) for part in (key, value))
    q, k, v = (part[0, :, : _current.tokens].transpose(0, 1) for part in (query, key, value))
    output = attend(q, k, v, _current.groups(attention_mask), **how)
    return _filled(output, _current)[None], None


ALL_ATTENTION_FUNCTIONS.register(ATTENTION, _attention)
ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, sdpa_mask)
