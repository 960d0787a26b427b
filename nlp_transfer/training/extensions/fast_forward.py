"""Cheap steps with the same update: no padding in the layers, fast dropout and fast float32 products.

All are on while the trainer trains or evaluates and gone afterwards, so that whoever takes the model gets a plain one.
Which rows make an update is not changed.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from peft import PeftModel

from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.families import plain_model
from nlp_transfer.models.image_family import reads_images
from nlp_transfer.models.speed.attention_dropout import attention_dropout
from nlp_transfer.models.speed.dropout import cheap_dropout
from nlp_transfer.models.speed.fast_linear import fast_linear
from nlp_transfer.models.speed.unpadding import unpadded
from nlp_transfer.training.arguments import TransferArguments


class FastForward(Extension):
    """Make forward passes fast while the trainer trains or evaluates."""

    def __init__(self) -> None:
        self._active = False
        self._padding_reason: str | None = None

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Make forward passes fast inside; an evaluation inside of training finds them so."""
        if self._active:
            yield
            return
        trainer = self.trainer
        model: Any = trainer.accelerator.unwrap_model(trainer.model)
        with contextlib.ExitStack() as stack:
            stack.enter_context(attention_dropout(plain_model(model), getattr(trainer.args, "attention_dropout", None)))
            if trainer.args.device.type == "cpu" and self._is_on("fast_dropout"):
                stack.enter_context(cheap_dropout(model))
            if self._is_on("fast_linear"):
                stack.enter_context(fast_linear(model))
            self._padding_reason = self._reason_for_padding(model)
            if self._padding_reason is None:
                self._padding_reason = stack.enter_context(unpadded(plain_model(model)))
            self._active = True
            try:
                yield
            finally:
                self._active = False

    evaluation = training

    def _is_on(self, name: str) -> bool:
        """Return a switch of `TransferArguments`; plain `TrainingArguments` have its default."""
        return bool(getattr(self.trainer.args, name, getattr(TransferArguments, name)))

    def _reason_for_padding(self, model: Any) -> str | None:
        """Return why padding stays in the layers, whatever the network; None where nothing speaks against it."""
        trainer = self.trainer
        if not self._is_on("unpadding"):
            return "training.unpadding is off"
        if trainer.args.torch_compile:
            return "training.torch_compile is on"
        if trainer.args.n_gpu > 1:
            return "one process computes on several GPUs"
        if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
            return "the model is sharded over processes"
        if isinstance(model, PeftModel) and model.active_peft_config.is_prompt_learning:
            return "a prompt stands before each text"
        return None

    def summary(self) -> Mapping[str, Any]:
        """Return why padding is computed, where it is; images have none."""
        model: Any = self.trainer.accelerator.unwrap_model(self.trainer.model)
        if self._padding_reason is None or reads_images(plain_model(model)):
            return {}
        return {"padding is computed": self._padding_reason}
