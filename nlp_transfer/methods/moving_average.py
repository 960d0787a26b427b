"""An exponential moving average of a model's weights, which labels target texts.

    average = d * average + (1 - d) * weights after each optimizer step,    d = min(decay, (1 + step) / (10 + step))

Reference: Tarvainen & Valpola (2017), https://arxiv.org/abs/1703.01780
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from nlp_transfer.methods.alignment import TEACHER_LOGITS
from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.methods.masked_tokens import target_masks
from nlp_transfer.methods.text_batches import fast_passes
from nlp_transfer.models.families import plain_model


class Teacher(Extension):
    """Keep the average of the model's weights while it trains; let it label target rows, and mask their tokens then.

    Weights that were frozen when training began are the model's own.
    """

    def __init__(self, name: str, decay: float, mask_probability: float) -> None:
        self.name, self.decay, self.mask_probability = name, decay, mask_probability
        self._average: Any = None
        self._step = 0  # optimizer steps in the average

    @contextmanager
    def training(self) -> Iterator[None]:
        """Begin with a copy of the model; raise ConfigError where tokens are masked and none is the mask."""
        trainer = self.trainer
        self._mask = target_masks(self.name, trainer, self.mask_probability) if self.mask_probability else None
        model: Any = trainer.accelerator.unwrap_model(trainer.model)
        shared = {id(one): one for one in model.parameters() if not one.requires_grad}
        self._average, self._step = copy.deepcopy(model, shared).requires_grad_(False).eval(), 0
        try:
            with fast_passes(plain_model(self._average)):
                yield
        finally:
            self._average = None

    def prepare_target(self, batch: Batch, rows: Sequence[int], positions: Sequence[int]) -> None:
        """Label the rows of a batch by the average, then mask some of their tokens."""
        self._follow()
        batch[TEACHER_LOGITS] = self._logits(batch)
        if self._mask is not None:
            batch["input_ids"], _ = self._mask(batch, positions)

    @torch.no_grad()
    def _follow(self) -> None:
        """Take the weights after the last optimizer step into the average, once."""
        step = self.trainer.state.global_step
        if step == self._step:
            return
        self._step = step
        kept = min(self.decay, (1 + step) / (10 + step))
        model: Any = self.trainer.accelerator.unwrap_model(self.trainer.model)
        for average, weight in zip(self._average.parameters(), model.parameters(), strict=True):
            if average is not weight:
                average.lerp_(weight.to(average.dtype), 1 - kept)

    @torch.no_grad()
    def _logits(self, batch: Batch) -> Tensor:
        """Return the average's logits of a batch, shape (rows, classes)."""
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        with self.trainer.compute_loss_context_manager():
            logits: Tensor = self._average(**inputs)["logits"]
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def state_dict(self) -> dict[str, Any]:
        """Return the average's own weights, by name, and its step; nothing outside of training."""
        return {} if self._average is None else {"step": self._step, **self._own()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take them over."""
        self._step = state["step"]
        with torch.no_grad():
            for name, weight in self._own().items():
                weight.copy_(state[name])

    def _own(self) -> dict[str, Tensor]:
        model = dict(self.trainer.accelerator.unwrap_model(self.trainer.model).named_parameters())
        return {name: one for name, one in self._average.named_parameters() if one is not model[name]}
