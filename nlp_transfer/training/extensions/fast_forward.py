"""A step made cheap, its update left as it is: no padding in the layers, cheap dropout and float32 products.

All are on while the trainer trains or evaluates and gone afterwards, so whoever takes the model gets a plain one.
Which rows make an update is not changed.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from peft import PeftModel
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput, TrainOutput

from nlp_transfer.models.families import plain_model
from nlp_transfer.models.speed.attention_dropout import attention_dropout
from nlp_transfer.models.speed.dropout import cheap_dropout
from nlp_transfer.models.speed.fast_linear import fast_linear
from nlp_transfer.models.speed.unpadding import unpadded
from nlp_transfer.training.arguments import TransferArguments


class FastPathMixin(Trainer):
    """See the module's text. A part of `TransferMixin`."""

    _fast = False
    _kept_padding: str | None = None

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> TrainOutput:
        with self._fast_path():
            output: TrainOutput = super()._inner_training_loop(*args, **kwargs)
        return output

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """As in `Trainer`, without padding inside the encoder."""
        with self._fast_path():
            output: EvalLoopOutput = super().evaluation_loop(*args, **kwargs)
        return output

    @contextlib.contextmanager
    def _fast_path(self) -> Iterator[None]:
        """Inside, the model is fast. May be entered again inside itself."""
        if self._fast:
            yield
            return
        model: Any = self.accelerator.unwrap_model(self.model)
        with contextlib.ExitStack() as stack:
            stack.enter_context(attention_dropout(plain_model(model), getattr(self.args, "attention_dropout", None)))
            if self.args.device.type == "cpu" and self._wants("fast_dropout"):
                stack.enter_context(cheap_dropout(model))
            if self._wants("fast_linear"):
                stack.enter_context(fast_linear(model))
            self._kept_padding = self._reason_for_padding(model)
            if self._kept_padding is None:
                self._kept_padding = stack.enter_context(unpadded(plain_model(model)))
            self._fast = True
            try:
                yield
            finally:
                self._fast = False

    def _wants(self, name: str) -> bool:
        """A switch of `TransferArguments`; plain `TrainingArguments` have its default."""
        return bool(getattr(self.args, name, getattr(TransferArguments, name)))

    def _reason_for_padding(self, model: Any) -> str | None:
        """Why padding stays in the layers, whatever the network; None where nothing speaks against it."""
        if not self._wants("unpadding"):
            return "training.unpadding is off"
        if self.args.torch_compile:
            return "training.torch_compile is on"
        if self.args.n_gpu > 1:
            return "one process computes on several GPUs"
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            return "the model is sharded over processes"
        if isinstance(model, PeftModel) and model.active_peft_config.is_prompt_learning:
            return "a prompt stands before each text"
        return None

    def speed_facts(self) -> dict[str, Any]:
        """What was not made fast, and why, as facts for the report."""
        return {} if self._kept_padding is None else {"padding is computed": self._kept_padding}
