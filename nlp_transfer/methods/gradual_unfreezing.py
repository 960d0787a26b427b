"""Gradual unfreezing as a callback: closed layers get no gradient and no update, then open one by one.

With k layers there are k + 1 equal shares of the training steps; in share i (from 0) the head and the top i layers
move:

    open layers at step t of T  =  min(k, floor((k + 1) · t / T))

The weights of closed layers keep `requires_grad`: DistributedDataParallel fixes what takes part when training starts,
and would fail or hang if that changed. Instead a hook sets their gradients to zero, so that the gradient norm that is
clipped is that of the open layers, and before each step their gradients are taken away, so that the optimizer neither
moves nor decays them. Closed layers compute without dropout (training/extensions/frozen_layers.py). The price is a
backward pass as deep as at the end, unless one process starts above the closed layers
(training/extensions/activation_cache.py). Where weights are sharded (FSDP, DeepSpeed) the optimizer sees other
parameters: use one process or DDP. Reference: Howard & Ruder (2018), https://arxiv.org/abs/1801.06146
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class GradualUnfreezing(TrainerCallback):
    """Open the layers one by one as training goes.

    Args:
        layers: the layers to open, the first to open first (the top one).
    """

    def __init__(self, layers: list[nn.Module]) -> None:
        self.layers = layers
        self.open_layers = 0
        self._hooks: list[RemovableHandle] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the hooks on; a resumed run continues with the layers that were open."""
        self._remove()
        self.open_layers = open_layers(state.global_step, state.max_steps, len(self.layers))
        for index, layer in enumerate(self.layers):
            for parameter in layer.parameters():
                if parameter.requires_grad:
                    self._hooks.append(parameter.register_hook(self._gate(index)))

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open what this step's share opens."""
        self.open_layers = open_layers(state.global_step, state.max_steps, len(self.layers))

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the closed layers out of this update."""
        for layer in self.layers[self.open_layers :]:
            for parameter in layer.parameters():
                parameter.grad = None

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Leave the model as any other."""
        self._remove()

    def _gate(self, index: int) -> Any:
        def gate(gradient: Tensor) -> Tensor:
            return gradient if index < self.open_layers else torch.zeros_like(gradient)

        return gate

    def _remove(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()


def open_layers(step: int, max_steps: int, layers: int) -> int:
    """How many layers are open at a step (from 0): equal shares, the head alone first.

    >>> [open_layers(step, 6, 2) for step in range(6)]
    [0, 0, 1, 1, 2, 2]
    """
    return min(layers, (layers + 1) * step // max(1, max_steps))
