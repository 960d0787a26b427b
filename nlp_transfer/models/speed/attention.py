"""Compute attention inside each text, for texts packed one after another without padding.

Texts are processed in groups of similar length, with masked padding inside a group only. On a CPU a group is computed
in blocks of a few texts, or heads of one text, whose scores stay in the processor's cache:

    P = softmax(Q Kᵀ · scale + mask),   O = (P ∘ M) V / (1 - p)

with a random M of 0 and 1 that drops a share p of the weights. The backward pass recomputes P unless it is small, and
keeps M as bits; PyTorch's kernels are used where they are faster (`attend_padded`):

    dO' = dO / (1 - p),   dV = (P ∘ M)ᵀ dO',   dP = (dO' Vᵀ) ∘ M
    dS = P ∘ (dP - rowsum(P ∘ dP)),   dQ = dS K · scale,   dK = dSᵀ Q · scale

Recomputing P: Dao et al. (2022), https://arxiv.org/abs/2205.14135
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from nlp_transfer.models.speed.dropout import as_integers, draw_kept, keep_scale, unpack_kept

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # PyTorch before 2.10
    varlen_attn = None  # type: ignore[assignment]

BLOCK_BYTES = 2 * 2**20
"""Approximate size of a block's scores, which fit into the cache of one or two cores."""

MIN_FILL = 0.75
"""Minimum length of a text of a group, as a share of the longest; balances padding against product sizes."""

MAX_KEPT_TOKENS = 128
"""Maximum length for which P is kept for the backward pass; it is then no larger than Q, K and V."""

MIN_FUSED_TOKENS = {torch.float32: 128}
"""Length from which PyTorch's fused kernel is faster on a CPU, by number format."""


@dataclass(frozen=True)
class Group:
    """Hold texts of similar length that are processed together.

    Args:
        places: positions of their tokens in a rectangle of texts x longest, (tokens,); None for equal lengths.
        mask: True where attention is allowed, (texts, 1, longest or 1, longest); None if it is everywhere.
        windowed: the mask excludes more than padding.
    """

    lengths: tuple[int, ...]
    places: Tensor | None
    mask: Tensor | None
    windowed: bool = False

    @property
    def width(self) -> int:
        """Return the number of tokens of the longest text."""
        return max(self.lengths)


def groups(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Split lengths, sorted in descending order, into ranges [start, stop) of similar length.

    Example:
        >>> groups([10, 9, 8, 7, 2, 2])
        [(0, 3), (3, 4), (4, 6)]
    """
    ranges: list[tuple[int, int]] = []
    start = 0
    for index in range(1, len(lengths) + 1):
        if index == len(lengths) or lengths[index] < MIN_FILL * lengths[start]:
            ranges.append((start, index))
            start = index
    return ranges


def make_groups(lengths: Sequence[int], device: torch.device, mask: Tensor | None = None) -> list[Group]:
    """Return the groups of texts, the longest first; `mask` is True where attention is allowed, (texts, 1, w, w)."""
    made = []
    for start, stop in groups(lengths):
        inside = tuple(lengths[start:stop])
        width = inside[0]
        window = None if mask is None else mask[start:stop, :, :width, :width]
        if inside[-1] == width:
            made.append(Group(inside, None, window, mask is not None))
            continue
        count = torch.tensor(inside, device=device)
        real = torch.arange(width, device=device) < count[:, None]
        allowed = real[:, None, None, :]
        if window is not None:  # a row without any allowed key would be NaN; what padding attends to is thrown away
            allowed = window & allowed | ~real[:, None, :, None]
        made.append(Group(inside, real.flatten().nonzero().flatten(), allowed, mask is not None))
    return made


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    grouped: Sequence[Group],
    *,
    scale: float,
    dropout: float = 0.0,
    fast_dropout: bool = True,
) -> Tensor:
    """Return attention inside each text, shape (tokens, heads, size).

    Args:
        query, key, value: shape (tokens, heads, size); the texts of all groups, one after another.
        fast_dropout: on a CPU, use models/speed/dropout.py instead of PyTorch's dropout.
    """
    how: Any = {"scale": scale, "dropout": dropout, "fast_dropout": fast_dropout}
    query, key = query.to(value.dtype), key.to(value.dtype)  # rotary embeddings are computed in float32
    half = query.is_cuda and query.element_size() == 2
    if varlen_attn is not None and half and not dropout and not grouped[0].windowed:
        return _attend_varlen(query, key, value, grouped, scale)
    sizes = [sum(group.lengths) for group in grouped]
    outputs = []
    for group, *parts in zip(grouped, query.split(sizes), key.split(sizes), value.split(sizes), strict=True):
        q, k, v = (_rectangle(part, group).transpose(1, 2) for part in parts)
        output = attend_padded(q, k, v, group.mask, **how).transpose(1, 2)
        flat = output.reshape(-1, *output.shape[2:])
        outputs.append(flat if group.places is None else flat.index_select(0, group.places))
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def attend_padded(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    scale: float,
    dropout: float = 0.0,
    fast_dropout: bool = True,
) -> Tensor:
    """Return attention in a rectangle by the fastest kernel, shape (texts, heads, tokens, size).

    Args:
        query, key, value: shape (texts, heads, tokens, size); key and value may have fewer heads.
        mask: True where attention is allowed, or numbers to add; broadcast to (texts, heads, tokens, tokens).
    """
    added = mask is not None and mask.dtype != torch.bool
    few = query.shape[1] != key.shape[1]
    fused = query.shape[2] > MIN_FUSED_TOKENS.get(query.dtype, query.shape[2])
    suits = fast_dropout and dropout < 1 if dropout else not fused
    if not suits or added or query.device.type != "cpu" or query.shape != key.shape or torch.compiler.is_compiling():
        return scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale, enable_gqa=few
        )
    with torch.autocast(query.device.type, enabled=False):
        return _BlockedAttention.apply(query, key, value, mask, scale, dropout)  # type: ignore[no-any-return]


class _BlockedAttention(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, dropout: float
    ) -> Tensor:
        ctx.scale, ctx.mask, ctx.dropout = scale, mask, dropout
        keeps = query.shape[2] <= MAX_KEPT_TOKENS and any(ctx.needs_input_grad[:3])
        blocks = _blocks(query)
        sizes = _bit_sizes(query, blocks)
        bits = draw_kept(8 * sum(sizes), dropout) if dropout else None
        factor = keep_scale(dropout) if dropout else 1.0
        bias = _bias(mask, query)
        output, kept = torch.empty_like(query), []
        for block, drawn in zip(blocks, _split(bits, sizes), strict=True):
            q, k, v = (part[block].contiguous() for part in (query, key, value))
            weights = _weights(q, k, bias, block, scale)
            if keeps:
                kept.append(weights)
            dropped = weights if drawn is None else _dropped(weights, unpack_kept(drawn, weights), in_place=not keeps)
            torch.mul(torch.matmul(dropped, v), factor, out=output[block])
        ctx.save_for_backward(query, key, value, bits, *kept)
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        query, key, value, bits, *kept = ctx.saved_tensors
        blocks = _blocks(query)
        factor = keep_scale(ctx.dropout) if ctx.dropout else 1.0
        bias = None if kept else _bias(ctx.mask, query)
        grads = [torch.empty_like(part) for part in (query, key, value)]
        all_drawn = _split(bits, _bit_sizes(query, blocks))
        for number, (block, drawn) in enumerate(zip(blocks, all_drawn, strict=True)):
            q, k, v, g = (part[block].contiguous() for part in (query, key, value, gradient))
            g = g if drawn is None else g * factor
            weights = kept[number] if kept else _weights(q, k, bias, block, ctx.scale)
            of_weights, dropped = torch.matmul(g, v.transpose(-1, -2)), weights
            if drawn is not None:
                mask = unpack_kept(drawn, weights)
                dropped = _dropped(weights, mask, in_place=False)
                _dropped(of_weights, mask, in_place=True)
            of_query, of_key, of_value = (grad[block] for grad in grads)
            # Xᵀ P is faster than Pᵀ X, whose large side would be read across.
            of_value.copy_(torch.matmul(g.transpose(-1, -2), dropped).transpose(-1, -2))
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            torch.mul(torch.matmul(of_scores, k), ctx.scale, out=of_query)
            torch.mul(torch.matmul(q.transpose(-1, -2), of_scores).transpose(-1, -2), ctx.scale, out=of_key)
        return (*grads, None, None, None)


Block = tuple[slice, slice]
"""Texts, and heads of them."""


def _weights(query: Tensor, key: Tensor, bias: Tensor | None, block: Block, scale: float) -> Tensor:
    scores = torch.matmul(query * scale, key.transpose(-1, -2))
    if bias is not None:
        texts, heads = (part if size > 1 else slice(None) for part, size in zip(block, bias.shape, strict=False))
        scores += bias[texts, heads]
    return torch.softmax(scores, -1)


def _bias(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """Return the mask as numbers to add, 0 or -inf; mostly equal for all heads."""
    return None if mask is None else torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, float("-inf"))


def _dropped(weights: Tensor, kept: Tensor, *, in_place: bool) -> Tensor:
    """Return P ∘ M."""
    numbers = as_integers(weights)
    return (numbers.mul_(kept) if in_place else numbers * kept).view(weights.dtype)


def _blocks(query: Tensor) -> list[Block]:
    """Return blocks of texts, or of heads of one text, whose scores take about `BLOCK_BYTES`."""
    texts, heads, tokens, _ = query.shape
    fitting = max(1, BLOCK_BYTES // (tokens * tokens * query.element_size()))
    if fitting >= heads:
        size = fitting // heads
        return [(slice(start, start + size), slice(None)) for start in range(0, texts, size)]
    size = -(-heads // -(-heads // fitting))  # as even as may be
    return [
        (slice(text, text + 1), slice(start, start + size)) for text in range(texts) for start in range(0, heads, size)
    ]


def _bit_sizes(query: Tensor, blocks: Sequence[Block]) -> list[int]:
    """Return the bytes of a bit for each weight of a block."""
    tokens = query.shape[2]
    return [-(-query[block].shape[:2].numel() * tokens * tokens // 8) for block in blocks]


def _split(bits: Tensor | None, sizes: Sequence[int]) -> Sequence[Tensor | None]:
    return [None] * len(sizes) if bits is None else bits.split(list(sizes))


def _rectangle(flat: Tensor, group: Group) -> Tensor:
    """Return the tokens of a group, (tokens, heads, size), as (texts, longest, heads, size)."""
    shape = (len(group.lengths), group.width, *flat.shape[1:])
    if group.places is None:
        return flat.view(shape)
    return flat.new_zeros(shape).flatten(0, 1).index_copy(0, group.places, flat).view(shape)


def _attend_varlen(query: Tensor, key: Tensor, value: Tensor, grouped: Sequence[Group], scale: float) -> Tensor:
    """Call PyTorch's kernel for texts of varying length, on a GPU in half precision."""
    lengths = [length for group in grouped for length in group.lengths]
    ends = torch.tensor([0, *lengths], device=query.device).cumsum(0).to(torch.int32)
    return varlen_attn(query, key, value, ends, ends, max(lengths), max(lengths), scale=scale)  # type: ignore[return-value]
