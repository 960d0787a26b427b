"""Attention among the tokens of each text, for texts that lie one after another without padding.

Texts are taken in groups of similar length; only inside a group is there padding, masked. On a CPU a group is
computed in blocks of a few texts whose scores stay in the processor's cache:

    P = softmax(Q Kᵀ · scale + mask),   O = P V

and in the backward pass, where P is made again unless it is small:

    dV = Pᵀ dO,   dS = P ∘ (dO Vᵀ - rowsum(P ∘ dO Vᵀ)) · scale,   dQ = dS K,   dK = dSᵀ Q

PyTorch's fused kernel is slower than that on a CPU in bf16, several times for short texts; it is taken where it is
faster (long texts in fp32), with attention dropout, and on a GPU, where in half precision its form for texts of varying
length needs no groups. Recomputing P: Dao et al. (2022), https://arxiv.org/abs/2205.14135
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

try:
    from torch.nn.attention.varlen import varlen_attn
except ImportError:  # PyTorch before 2.10
    varlen_attn = None  # type: ignore[assignment]

BLOCK_BYTES = 6 * 2**20
"""Size of a block's scores, about: what stays in the cache of a core or two."""

FILL = 0.75
"""The shortest text of a group is at least this share of the longest: less padding against fewer, larger products."""

KEPT_TOKENS = 128
"""Up to this length P is kept for the backward pass: it is no larger then than what is kept of Q, K and V."""

FUSED_TOKENS = {torch.float32: 128}
"""From which length on PyTorch's fused kernel is faster on a CPU, by number format; not in the others."""


@dataclass(frozen=True)
class Group:
    """Texts of similar length that are attended to together.

    Args:
        lengths: tokens of each text.
        places: where their tokens stand in a rectangle of texts x longest, int64, shape (tokens,); None where all
            texts are as long, and nothing has to move.
        mask: who may attend to whom, bool, shape (texts, 1, longest, longest); None where all may.
        windowed: whether the mask says more than where the padding is.
    """

    lengths: tuple[int, ...]
    places: Tensor | None
    mask: Tensor | None
    windowed: bool = False

    @property
    def width(self) -> int:
        """Tokens of the longest text."""
        return max(self.lengths)


def groups(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Cut texts, sorted by length, the longest first, into [start, stop) of similar length.

    >>> groups([10, 9, 8, 7, 2, 2])
    [(0, 3), (3, 4), (4, 6)]
    """
    found: list[tuple[int, int]] = []
    start = 0
    for index in range(1, len(lengths) + 1):
        if index == len(lengths) or lengths[index] < FILL * lengths[start]:
            found.append((start, index))
            start = index
    return found


def make_groups(lengths: Sequence[int], device: torch.device, mask: Tensor | None = None) -> list[Group]:
    """The groups of texts, sorted by length, the longest first.

    Args:
        lengths: tokens of each text.
        device: where the tensors shall be.
        mask: who may attend to whom beside the padding, such as a window: bool, (texts, 1, width, width), True is yes.
    """
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
        allowed = real[:, None, None, :] if window is None else window & real[:, None, None, :]
        # A row without any allowed key would be NaN; what padding attends to is thrown away.
        allowed = allowed | ~real[:, None, :, None]
        made.append(Group(inside, real.flatten().nonzero().flatten(), allowed, mask is not None))
    return made


def attend(
    query: Tensor, key: Tensor, value: Tensor, grouped: Sequence[Group], *, scale: float, dropout: float = 0.0
) -> Tensor:
    """Attention inside each text.

    Args:
        query: shape (tokens, heads, size); the texts of all groups, one after another.
        key: the same shape.
        value: the same shape.
        grouped: from `make_groups`.
        scale: factor on the scores.
        dropout: share of attention weights that are dropped.

    Returns:
        Shape (tokens, heads, size).
    """
    query, key = query.to(value.dtype), key.to(value.dtype)  # rotary embeddings are computed in float32
    half = query.is_cuda and query.element_size() == 2
    if varlen_attn is not None and half and not dropout and not grouped[0].windowed:
        return _attend_varlen(query, key, value, grouped, scale)
    sizes = [sum(group.lengths) for group in grouped]
    outputs = []
    for group, *parts in zip(grouped, query.split(sizes), key.split(sizes), value.split(sizes), strict=True):
        q, k, v = (_rectangle(part, group).transpose(1, 2) for part in parts)
        output = attend_padded(q, k, v, group.mask, scale=scale, dropout=dropout).transpose(1, 2)
        flat = output.reshape(-1, *output.shape[2:])
        outputs.append(flat if group.places is None else flat.index_select(0, group.places))
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def attend_padded(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, scale: float, dropout: float = 0.0
) -> Tensor:
    """Attention in a rectangle, by the kernel that suits it.

    Args:
        query: shape (texts, heads, tokens, size).
        key: the same shape, perhaps of fewer heads.
        value: the shape of `key`.
        mask: bool, True where attention may go, or added to the scores; broadcast to (texts, heads, tokens, tokens).
        scale: factor on the scores.
        dropout: share of attention weights that are dropped.

    Returns:
        Shape (texts, heads, tokens, size).
    """
    fused = query.shape[2] > FUSED_TOKENS.get(query.dtype, query.shape[2])
    added = mask is not None and mask.dtype != torch.bool
    if fused or added or dropout or query.device.type != "cpu" or query.shape != key.shape or _compiling():
        few = query.shape[1] != key.shape[1]
        return scaled_dot_product_attention(
            query, key, value, attn_mask=mask, dropout_p=dropout, scale=scale, enable_gqa=few
        )
    with torch.autocast(query.device.type, enabled=False):
        output: Tensor = _BlockedAttention.apply(query, key, value, mask, scale)
    return output


class _BlockedAttention(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float
    ) -> Tensor:
        ctx.scale, ctx.mask = scale, mask
        keeps = query.shape[2] <= KEPT_TOKENS and any(ctx.needs_input_grad[:3])
        kept, outputs = [], []
        for block in _blocks(query):
            weights = _weights(query[block], key[block], mask, block, scale)
            outputs.append(torch.matmul(weights, value[block]))
            if keeps:
                kept.append(weights)
        ctx.save_for_backward(query, key, value, *kept)
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        query, key, value, *kept = ctx.saved_tensors
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        for number, block in enumerate(_blocks(query)):
            q, k, v, g = query[block], key[block], value[block], gradient[block]
            weights = kept[number] if kept else _weights(q, k, ctx.mask, block, ctx.scale)
            of_value = torch.matmul(weights.transpose(-1, -2), g)
            of_weights = torch.matmul(g, v.transpose(-1, -2))
            of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype).mul_(ctx.scale)
            parts.append((torch.matmul(of_scores, k), torch.matmul(of_scores.transpose(-1, -2), q), of_value))
        if len(parts) == 1:
            return (*parts[0], None, None)
        return (*(torch.cat(part) for part in zip(*parts, strict=True)), None, None)


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, block: slice, scale: float) -> Tensor:
    """P of the module's text for a block of texts."""
    scores = torch.matmul(query * scale, key.transpose(-1, -2))
    if mask is not None:
        scores.masked_fill_(~(mask[block] if len(mask) > 1 else mask), float("-inf"))
    return torch.softmax(scores, -1)


def _blocks(query: Tensor) -> list[slice]:
    """Texts whose scores are about `BLOCK_BYTES` together."""
    texts, heads, tokens, _ = query.shape
    size = max(1, BLOCK_BYTES // (heads * tokens * tokens * query.element_size()))
    return [slice(start, start + size) for start in range(0, texts, size)]


def _rectangle(flat: Tensor, group: Group) -> Tensor:
    """Tokens of a group, (tokens, heads, size), as (texts, longest, heads, size)."""
    shape = (len(group.lengths), group.width, *flat.shape[1:])
    if group.places is None:
        return flat.view(shape)
    return flat.new_zeros(shape).flatten(0, 1).index_copy(0, group.places, flat).view(shape)


def _attend_varlen(query: Tensor, key: Tensor, value: Tensor, grouped: Sequence[Group], scale: float) -> Tensor:
    """On a GPU, in half precision: PyTorch's kernel for texts of varying length."""
    lengths = [length for group in grouped for length in group.lengths]
    ends = torch.tensor([0, *lengths], device=query.device).cumsum(0).to(torch.int32)
    longest = max(lengths)
    output = varlen_attn(query, key, value, ends, ends, longest, longest, scale=scale)
    assert isinstance(output, Tensor)
    return output


def _compiling() -> bool:
    return bool(torch.compiler.is_compiling())
