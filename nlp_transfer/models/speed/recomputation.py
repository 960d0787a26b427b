"""Gradients of many forward passes in the memory of one.

    forward:   parts are computed one after another, without a graph
    backward:  each part is computed again, from the random state that it had, and its gradient is added up

The gradients of the parameters are summed here and leave as one, so that DistributedDataParallel sees each parameter
once. `torch.utils.checkpoint` keeps graph nodes of every part between the tensors of the next, and its memory grows.
Reference: Gao et al. (2021), https://arxiv.org/abs/2101.06983 (gradient cache)
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Read = Callable[[int], tuple[Tensor, ...]]
"""Computes a part by its number: tensors of as many rows."""


def recomputed(read: Read, parts: int, parameters: Sequence[Tensor], device: torch.device) -> tuple[Tensor, ...]:
    """Return the rows of all parts, whose graph is made part by part in the backward pass.

    Args:
        read: must do the same in both passes but for random numbers, which are drawn from PyTorch's state.
        parameters: leaves that want a gradient. No other tensor gets one.
        device: the one that computes.

    Example:
        >>> weight = torch.tensor(2.0, requires_grad=True)
        >>> (rows,) = recomputed(lambda part: (weight * torch.ones(1, part + 1).sum(1),), 2, [weight], weight.device)
        >>> rows.sum().backward()
        >>> rows, weight.grad
        (tensor([2., 4.], grad_fn=<_RecomputedBackward>), tensor(3.))
    """
    outputs: tuple[Tensor, ...] = _Recomputed.apply(read, parts, _Precision.now(device), *parameters)
    return outputs


@dataclass(frozen=True)
class _Precision:
    """The autocast that a forward pass runs in."""

    device: torch.device
    enabled: bool
    dtype: torch.dtype

    @classmethod
    def now(cls, device: torch.device) -> "_Precision":
        kind = device.type
        return cls(device, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind))

    def active(self) -> Any:
        # Weights that are cast without a graph must not be taken from autocast's cache for one that has it.
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.enabled, cache_enabled=False)

    def random_state(self) -> Tensor | tuple[Tensor, Tensor]:
        if self.device.type != "cuda":
            return torch.get_rng_state()
        return torch.get_rng_state(), torch.cuda.get_rng_state(self.device)

    @contextmanager
    def drawing_from(self, state: Any) -> Iterator[None]:
        """Draw from a random state inside the block."""
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            if isinstance(state, tuple):
                state, on_device = state
                torch.cuda.set_rng_state(on_device, self.device)
            torch.set_rng_state(state)
            yield


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, read: Read, parts: int, precision: _Precision, *parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.read, ctx.precision, ctx.states, outputs = read, precision, [], []
        for part in range(parts):
            ctx.states.append(precision.random_state())
            with precision.active():
                outputs.append(read(part))
        ctx.rows = [len(output[0]) for output in outputs]
        ctx.save_for_backward(*parameters)
        return tuple(torch.cat(rows) for rows in zip(*outputs, strict=True))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        parameters = ctx.saved_tensors
        sums: list[Tensor | None] = [None] * len(parameters)
        by_part = zip(*(gradient.split(ctx.rows) for gradient in gradients), strict=True)
        for part, (state, above) in enumerate(zip(ctx.states, by_part, strict=True)):
            with torch.enable_grad(), ctx.precision.drawing_from(state), ctx.precision.active():
                outputs = ctx.read(part)
            with_graph = [pair for pair in zip(outputs, above, strict=True) if pair[0].requires_grad]
            ends, starts = zip(*with_graph, strict=True)
            made = torch.autograd.grad(ends, parameters, starts, allow_unused=True)
            del outputs, with_graph, ends
            for place, gradient in enumerate(made):
                if gradient is not None:  # it may be the same tensor for two parameters
                    before = sums[place]
                    sums[place] = gradient if before is None else before + gradient
            del made
        return None, None, None, *sums
