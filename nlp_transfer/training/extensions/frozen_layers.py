"""Layers that do not train compute without dropout while the others train.

That makes what they make of a text the same in every epoch, so that it can be computed once
(training/extensions/activation_cache.py); whether it is, changes no result. Gradual unfreezing freezes the layers that
it has not opened yet. A Trainer without methods and without an adapter is left as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import Trainer

from nlp_transfer.methods.base import Method
from nlp_transfer.methods.gradual_unfreezing import GradualUnfreezing, open_layers
from nlp_transfer.models.activation_cache.frozen import frozen_layers, frozen_modules, keep_evaluating
from nlp_transfer.models.families import encoder_layers, plain_model

if TYPE_CHECKING:
    from peft import PeftConfig


@dataclass(frozen=True)
class FrozenPhase:
    """A part of the training in which the same layers are frozen.

    Args:
        layers: how many of the lowest layers.
        passes: how often each text goes through the model in it.
    """

    layers: int
    passes: float


class FrozenMixin(Trainer):
    """See the module's text. A part of `TransferMixin`."""

    methods: Sequence[Method] = ()
    peft_config: "PeftConfig | None" = None

    _evaluating: list[nn.Module] | None = None
    """The modules without dropout; None outside of training."""

    _frozen_at = -1
    """The step at which they were looked for."""

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`."""
        self._evaluating, self._frozen_at = [], -1
        try:
            return super()._inner_training_loop(*args, **kwargs)
        finally:
            self._evaluating = None

    def compute_loss(self, model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; in training, frozen layers have no dropout."""
        if model.training and self._evaluating is not None and self._moves_weights():
            step = self.state.global_step
            if self._frozen_at < 0 or (self._gradual() is not None and self._frozen_at != step):
                self._frozen_at = step
                self._freeze(self._layers_frozen_at(step))
            keep_evaluating(self._evaluating)
        return super().compute_loss(model, *args, **kwargs)

    def _freeze(self, layers: int) -> None:
        """From this step on, the lowest layers and all below them do not train."""
        self._evaluating = frozen_modules(self._plain(), layers)

    def _plain(self) -> Any:
        """The transformers model itself."""
        return plain_model(self.accelerator.unwrap_model(self.model))

    def _moves_weights(self) -> bool:
        """Whether a method or adapter decides what moves."""
        return bool(self.methods or self.peft_config is not None)

    def _gradual(self) -> GradualUnfreezing | None:
        found = [one for one in self.callback_handler.callbacks if isinstance(one, GradualUnfreezing)]
        return found[0] if found else None

    def _layers_frozen_at(self, step: int) -> int:
        """How many of the lowest layers do not move at a step, those among them that open later."""
        gradual = self._gradual()
        if gradual is None:
            return frozen_layers(self.accelerator.unwrap_model(self.model))
        opened = open_layers(step, self.state.max_steps, len(gradual.layers))
        return len(encoder_layers(self._plain())) - opened

    def _spans(self) -> list[FrozenPhase]:
        """The parts of the training that are still to come, each as long as in an uninterrupted run.

        On several processes gradual unfreezing is one part: DistributedDataParallel wants a gradient of every free
        weight, so layers that open later are computed before, too.
        """
        rows = self._train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        passes = self.state.max_steps * rows / max(1, len(self.train_dataset))  # type: ignore[arg-type]
        gradual, frozen = self._gradual(), frozen_layers(self.accelerator.unwrap_model(self.model))
        if gradual is None or self.args.world_size > 1:
            return [FrozenPhase(frozen, passes)]
        count, depth = len(gradual.layers), len(encoder_layers(self._plain()))
        begin = open_layers(self.state.global_step, self.state.max_steps, count)
        return [FrozenPhase(depth - opened, passes / (count + 1)) for opened in range(begin, count + 1)]
