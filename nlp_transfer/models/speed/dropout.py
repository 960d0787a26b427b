"""Apply dropout with fast random numbers on a CPU.

PyTorch draws one number after another on a CPU. Here NumPy's SFC64 makes four decisions from each 64-bit word. Its seed
is drawn from PyTorch's random state, so that seeding, resuming and gradient checkpointing work as with PyTorch's
dropout; the numbers differ.
Reference: SFC64, Doty-Humphrey (2010), PractRand, https://pracrand.sourceforge.net
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor, nn

STEPS = 2**16
"""Resolution of the probability: each decision compares 16 random bits."""

PIECE = 2**20
"""Number of decisions from one seed; pieces are drawn by PyTorch's number of threads."""

INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integers as wide as a floating type, by bytes: multiplying an element's bits by 0 drops it."""

_cheap: "WeakSet[nn.Module]" = WeakSet()
"""Modules that currently use this dropout."""


@contextmanager
def cheap_dropout(model: nn.Module) -> Iterator[None]:
    """Replace every `nn.Dropout` of the model by `dropout` inside the block; `is_cheap` holds for its modules."""
    modules = [module for module in model.modules() if type(module) is nn.Dropout]
    entered = [module for module in model.modules() if module not in _cheap]
    for module in modules:
        module.forward = partial(_forward, module)  # type: ignore[method-assign]  # taken away again below
    _cheap.update(entered)
    try:
        yield
    finally:
        _cheap.difference_update(entered)
        for module in modules:
            del module.forward


def is_cheap(module: nn.Module) -> bool:
    """Return True for a module inside `cheap_dropout`, for attention, whose dropout is an argument."""
    return module in _cheap


def _forward(module: nn.Dropout, states: Tensor) -> Tensor:
    if not module.training or not 0 < module.p < 1 or states.device.type != "cpu" or torch.compiler.is_compiling():
        return nn.functional.dropout(states, module.p, module.training, module.inplace)
    return dropout(states, module.p)


def dropout(states: Tensor, p: float) -> Tensor:
    """Zero each element with probability p, rounded to 1/65536, and scale the others by 1 / (1 - p); on the CPU."""
    return _Dropout.apply(states, p)  # type: ignore[no-any-return]


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, p: float) -> Tensor:  # type: ignore[override]
        ctx.scale = keep_scale(p)
        bits = draw_kept(states.numel(), p)
        ctx.save_for_backward(bits)
        return _scaled_and_dropped(states, bits, ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (bits,) = ctx.saved_tensors
        return _scaled_and_dropped(gradient, bits, ctx.scale), None


def _scaled_and_dropped(states: Tensor, bits: Tensor, scale: float) -> Tensor:
    scaled = (states * scale).contiguous()
    as_integers(scaled).mul_(unpack_kept(bits, scaled))
    return scaled


def keep_scale(p: float) -> float:
    """Return the factor on kept elements, 1 / (1 - p) for the rounded p."""
    return STEPS / (STEPS - _dropped_steps(p))


def draw_kept(count: int, p: float) -> Tensor:
    """Draw the kept elements: one bit each, 1 with probability 1 - p, packed into uint8, shape (⌈count / 8⌉,)."""
    seed = int(torch.randint(2**63 - 1, ()))
    sizes = [min(PIECE, count - start) for start in range(0, count, PIECE)]
    draw = partial(_draw_piece, seed, _dropped_steps(p))
    if len(sizes) < 2:  # nothing to share
        pieces = list(map(draw, range(len(sizes)), sizes))
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as threads:
            pieces = list(threads.map(draw, range(len(sizes)), sizes))
    return torch.from_numpy(np.concatenate([np.empty(0, np.uint8), *pieces]))


def _draw_piece(seed: int, dropped_steps: int, number: int, size: int) -> "np.ndarray[Any, Any]":
    generator = np.random.Generator(np.random.SFC64([seed, number]))
    # All 64-bit words are as likely. Unlike `random_raw` this lets other threads run.
    words: Any = generator.integers(-(2**63), 2**63 - 1, -(-size // 4), dtype=np.int64, endpoint=True)
    return np.packbits(words.view(np.int16)[:size] >= dropped_steps - STEPS // 2)


def unpack_kept(bits: Tensor, values: Tensor) -> Tensor:
    """Return the bits of `draw_kept` as integers 0 and 1, in the shape and width of `values`."""
    kept = torch.from_numpy(np.unpackbits(bits.numpy(), count=values.numel()).view(np.int8))
    return kept.to(INTEGERS[values.element_size()]).view(values.shape)


def as_integers(values: Tensor) -> Tensor:
    """Return a view of floating numbers as integers of equal width, to multiply by 0 or 1."""
    return values.view(INTEGERS[values.element_size()])


def _dropped_steps(p: float) -> int:
    return min(max(round(p * STEPS), 1), STEPS - 1)
