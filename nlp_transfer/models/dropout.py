"""Dropout whose random numbers cost little on a CPU.

PyTorch draws one number after the other on a CPU, which takes about as long as a fifth of the matrix products around
it. Here NumPy's SFC64 makes four decisions of each 64-bit word. Its seed is drawn from PyTorch's own random state, so
seeding, resuming and gradient checkpointing work as with PyTorch's dropout; the numbers are others.
Reference: SFC64, Doty-Humphrey (2010), PractRand, https://pracrand.sourceforge.net
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

STEPS = 2**16
"""How finely the probability is told apart: each decision compares 16 random bits."""


@contextmanager
def cheap_dropout(model: nn.Module) -> Iterator[None]:
    """Every `nn.Dropout` of the model drops by `dropout` inside."""
    modules = [module for module in model.modules() if type(module) is nn.Dropout]
    for module in modules:
        module.forward = partial(_forward, module)  # type: ignore[method-assign]  # taken away again below
    try:
        yield
    finally:
        for module in modules:
            del module.forward


def _forward(module: nn.Dropout, states: Tensor) -> Tensor:
    if not module.training or not 0 < module.p < 1 or states.device.type != "cpu" or torch.compiler.is_compiling():
        return nn.functional.dropout(states, module.p, module.training, module.inplace)
    return dropout(states, module.p)


def dropout(states: Tensor, p: float) -> Tensor:
    """Zero each element with probability p, rounded to a multiple of 1/65536, and scale the others by 1 / (1 - p).

    Args:
        states: on the CPU, any shape and floating type.
        p: between 0 and 1, both excluded.
    """
    dropped: Tensor = _Dropout.apply(states, p)
    return dropped


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, p: float) -> Tensor:  # type: ignore[override]
        dropped_steps = min(max(round(p * STEPS), 1), STEPS - 1)
        kept = _random_steps(states.shape) >= dropped_steps - STEPS // 2
        ctx.scale = STEPS / (STEPS - dropped_steps)
        ctx.save_for_backward(kept)
        return states * kept.to(states.dtype).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (kept,) = ctx.saved_tensors
        return gradient * kept.to(gradient.dtype).mul_(ctx.scale), None


def _random_steps(shape: torch.Size) -> Tensor:
    """Uniform int16 numbers, from -32768 to 32767."""
    count = shape.numel()
    seed = int(torch.randint(2**63 - 1, ()))
    words: Any = np.random.SFC64(seed).random_raw(-(-count // 4))
    return torch.from_numpy(words.view(np.int16)[:count]).view(shape)
