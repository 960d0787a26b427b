"""Compute layers that do not train without dropout while the others train, and keep their batch statistics.

That makes their output for a text the same in every epoch, so that it can be computed once (`activation_cache.py`);
whether it is, changes no result. Gradual unfreezing freezes the layers that it has not opened yet. A batch norm without
trainable weights normalises by its stored statistics, which would otherwise move although it is frozen, wherever it is.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.methods.gradual_unfreezing import GradualUnfreezing, open_layers
from nlp_transfer.models.activation_cache.frozen import frozen_layers, frozen_modules
from nlp_transfer.models.families import encoder_layers, plain_model


class FrozenLayers(Extension):
    """Keep frozen layers in evaluation mode while training."""

    def __init__(self) -> None:
        self._evaluating: list[nn.Module] | None = None  # the modules without dropout; None outside of training
        self._looked_at = -1  # the step at which they were looked up

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Begin without frozen modules; they are looked up at the first step."""
        self._evaluating, self._looked_at = [], -1
        try:
            yield
        finally:
            self._evaluating = None

    def loss(self, compute: Any, model: nn.Module, batch: Batch, return_outputs: bool, num_items: Any) -> Any:
        """Switch dropout off in frozen layers before a forward pass in training."""
        if model.training and self._evaluating is not None:
            step = self.trainer.state.global_step
            if self._looked_at < 0 or (gradual_unfreezing(self.trainer) is not None and self._looked_at != step):
                self._looked_at = step
                plain = _plain(self.trainer)
                self._evaluating = [*frozen_modules(plain, _frozen_at(self.trainer, step)), *frozen_norms(plain)]
            for module in self._evaluating:
                module.training = False
        return compute(model, batch, return_outputs, num_items)


def frozen_norms(model: nn.Module) -> list[nn.Module]:
    """Return the batch norms of a model whose weights are frozen.

    Example:
        >>> len(frozen_norms(nn.Sequential(nn.BatchNorm2d(3).requires_grad_(False), nn.BatchNorm2d(3))))
        1
    """
    norms = (module for module in model.modules() if isinstance(module, _BatchNorm))
    return [norm for norm in norms if all(not parameter.requires_grad for parameter in norm.parameters())]


def gradual_unfreezing(trainer: Any) -> GradualUnfreezing | None:
    """Return a trainer's extension for gradual unfreezing, if it has one."""
    return next((one for one in trainer.extensions if isinstance(one, GradualUnfreezing)), None)


def _frozen_at(trainer: Any, step: int) -> int:
    """Return how many of the lowest layers do not train at a step, those among them that open later."""
    gradual = gradual_unfreezing(trainer)
    if gradual is None:
        return frozen_layers(trainer.accelerator.unwrap_model(trainer.model))
    opened = open_layers(step, trainer.state.max_steps, gradual.count)
    return len(encoder_layers(_plain(trainer))) - opened


def _plain(trainer: Any) -> Any:
    """Return the transformers model itself."""
    return plain_model(trainer.accelerator.unwrap_model(trainer.model))
