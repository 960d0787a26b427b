"""Gradual unfreezing: closed layers get no gradient and no step, then open one by one from the top.

    open layers at step t of T  =  min(k, floor((k + 1) * t / T))

Closed layers keep `requires_grad`, since DistributedDataParallel fixes what takes part when training starts. Hooks set
their gradients to zero, and before each optimizer step these are removed, so that they neither move nor decay.
Reference: Howard & Ruder (2018), https://arxiv.org/abs/1801.06146
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.models.families import encoder_layers, plain_model


class GradualUnfreezing(Extension):
    """Open layers one by one during training."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.open_layers = 0

    def layers(self) -> list[nn.Module]:
        """Return the layers, the first to open first: the top one."""
        model = plain_model(self.trainer.accelerator.unwrap_model(self.trainer.model))
        return list(encoder_layers(model))[::-1][: self.count]

    @contextmanager
    def training(self) -> Iterator[None]:
        """Keep hooks on the layers' weights while training."""
        with ExitStack() as hooks:
            for index, layer in enumerate(self.layers()):
                for parameter in layer.parameters():
                    if parameter.requires_grad:
                        hooks.callback(parameter.register_hook(self._gate(index)).remove)
            yield

    def prepare_step(self, batches: list[Batch]) -> list[Batch]:
        """Open the layers of this step; a resumed run goes on with those that were open."""
        state = self.trainer.state
        self.open_layers = open_layers(state.global_step, state.max_steps, self.count)
        return batches

    def before_optimizer_step(self, grad_norm: Any, model: nn.Module) -> Any:
        """Remove the gradients of the closed layers."""
        for layer in self.layers()[self.open_layers :]:
            for parameter in layer.parameters():
                parameter.grad = None
        return grad_norm

    def _gate(self, index: int) -> Any:
        def gate(gradient: Tensor) -> Tensor:
            return gradient if index < self.open_layers else torch.zeros_like(gradient)

        return gate


def open_layers(step: int, max_steps: int, layers: int) -> int:
    """Return the number of open layers at a step (from 0): equal shares, the head alone first.

    Example:
        >>> [open_layers(step, 6, 2) for step in range(6)]
        [0, 0, 1, 1, 2, 2]
    """
    return min(layers, (layers + 1) * step // max(1, max_steps))
