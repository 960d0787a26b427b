"""Count a network's floating-point operations for texts by PyTorch, without padding.

The matrix products of a text of L tokens are a polynomial in L: a + b L + c L^2, where c is attention's. Three short
texts, counted by `FlopCounterMode`, give its coefficients. Windowed attention is taken as full.
Reference: Kaplan et al. (2020), section 2.1, https://arxiv.org/abs/2001.08361
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nlp_transfer.models.families import is_encoder_decoder, plain_model

_LENGTHS = (4, 8, 12)


def forward_flops(model: nn.Module, lengths: Sequence[int], written: Sequence[int] | None = None) -> int:
    """Return the operations that predicting takes.

    Args:
        model: a network of transformers, or an adapter around one.
        lengths: real tokens of each text.
        written: for an encoder-decoder, tokens that are written of each; attention among them is not counted.
    """
    return _flops(model, lengths, written, train=False)


def training_flops(model: nn.Module, lengths: Sequence[int], written: Sequence[int] | None = None) -> int:
    """Return the operations of `forward_flops` with a backward pass; frozen weights take no gradients."""
    return _flops(model, lengths, written, train=True)


def _flops(model: nn.Module, lengths: Sequence[int], written: Sequence[int] | None, *, train: bool) -> int:
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()  # without dropout no random number is drawn
        counts = [_count(model, length, 1, train=train) for length in _LENGTHS]
        more = 0
        if written is not None:
            more = (sum(written) - len(lengths)) * (_count(model, _LENGTHS[0], 2, train=train) - counts[0])
    finally:
        for module, mode in modes.items():
            module.training = mode
    sums = [sum(length**power for length in lengths) for power in range(3)]
    return more + round(sum(a * b for a, b in zip(_coefficients(counts), sums, strict=True)))


def _coefficients(counts: Sequence[int]) -> tuple[Fraction, Fraction, Fraction]:
    """Return a, b and c of the polynomial through (length, count) of `_LENGTHS`."""
    (x, y, z), (p, q, r) = _LENGTHS, map(Fraction, counts)
    c = ((r - p) / (z - x) - (q - p) / (y - x)) / (z - y)
    b = (q - p) / (y - x) - c * (x + y)
    return p - b * x - c * x * x, b, c


def _count(model: nn.Module, length: int, written: int, *, train: bool) -> int:
    plain: Any = plain_model(model)
    ids = torch.full((1, length), plain.get_input_embeddings().num_embeddings - 1, device=plain.device)
    more = {"decoder_input_ids": ids[:, :written]} if is_encoder_decoder(plain) else {}
    trained = [one for one in model.parameters() if one.requires_grad]
    # The counter does not know every fused kernel of attention.
    with torch.set_grad_enabled(train), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        output = model(input_ids=ids, attention_mask=torch.ones_like(ids), **more)[0]
        if train and output.requires_grad:
            torch.autograd.grad(output.sum(), trained, allow_unused=True)
    return int(counter.get_total_flops())
