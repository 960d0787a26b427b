"""Out of memory: make the same update in smaller parts.

Where a micro-batch does not fit, the update begins again from its start (gradients, random state, counted loss), with
every micro-batch cut into twice as many parts. Of several processes each cuts its own, while the others wait for its
gradients, which are added up with the last part. Only where memory runs out while they are is there no way back.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from accelerate.utils import recursively_apply
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from transformers.utils import logging

from nlp_transfer.errors import TrainingError
from nlp_transfer.methods.extension import Extension
from nlp_transfer.training.checkpoints import last_checkpoint_note
from nlp_transfer.training.optimizer_step import OptimizerStep, row_count
from nlp_transfer.training.runtime import random_state, set_random_state

logger = logging.get_logger(__name__)

Step = Callable[..., Tensor]

_HALVE = "halve training.per_device_train_batch_size and double training.gradient_accumulation_steps."
_OUTSIDE = "outside of the forward and backward passes, as with the optimizer's state"


class OomGuard(Extension):
    """Cut micro-batches that do not fit into memory, each into `micro_batch_parts`.

    Args:
        is_additive: returns whether the losses of a batch's parts make that of the batch.
        collective: whether the processes need one another within the forward passes of an update.
    """

    def __init__(self, is_additive: Callable[[], bool], *, collective: bool) -> None:
        self.is_additive, self.collective = is_additive, collective
        self.micro_batch_parts = 1

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Raise TrainingError where memory runs out and smaller parts do not help, or batches cannot be cut."""
        self.micro_batch_parts = 1
        if getattr(self.trainer.args, "max_tokens_per_forward", None) is not None and not self.is_additive():
            raise TrainingError(
                "training.max_tokens_per_forward cuts batches, but the loss is your own (compute_loss, or "
                "compute_loss_func). Leave it out, or wrap the loss of each row in training.losses.update_mean."
            )
        advice = "Train fewer weights (methods: lora), or take an optimizer with less state (training.optim)."
        with self._naming(lambda: f"at step {self.trainer.state.global_step + 1}, {_OUTSIDE}", advice):
            yield

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Turn running out of memory into a TrainingError that names the setting."""
        advice, args = "Lower training.per_device_eval_batch_size, which changes no result.", self.trainer.args
        with self._naming(lambda: f"in evaluation, with {args.eval_batch_size} rows in a forward pass", advice):
            yield

    @contextlib.contextmanager
    def _naming(self, where: Callable[[], str], advice: str) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            retries = getattr(self.trainer.args, "auto_find_batch_size", False)  # transformers catches it then
            if retries or not _is_out_of_memory(error):
                raise
            note = last_checkpoint_note(self.trainer.args)
            raise TrainingError(f"Out of memory {where()} ({_shortened(error)}). {advice} {note}") from error

    def backward(self, step: Step, model: nn.Module, batch: Any, num_items: Tensor | int | None) -> Tensor:
        """Run a micro-batch, in parts where it does not fit; raise TrainingError where one row does not fit."""
        update = self.trainer.current_step
        if update is None:  # called by hand, outside the training loop
            return step(model, batch, num_items)
        if update.random_state is None:
            update.random_state = random_state(self.trainer.args.device)
        try:
            loss = self.micro_batch(step, model, update.done, batch, num_items)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            loss = self._begin_again(step, model, update, num_items, error)
        update.done += 1
        return loss

    def loss(self, compute: Any, model: nn.Module, batch: Any, return_outputs: bool, num_items: Any) -> Any:
        """Note that the forward pass has come to its end."""
        output = compute(model, batch, return_outputs, num_items)
        if self.trainer.current_step is not None:
            self.trainer.current_step.in_backward = True
        return output

    def micro_batch(
        self, step: Step, model: nn.Module, number: int, batch: Any, num_items: Any, *, last: bool = True
    ) -> Tensor:
        """Train the parts of a micro-batch; gradients are shared with the last part of the last one, if at all."""
        update, parts, losses = self.trainer.current_step, self.split(batch), []
        update.number = number
        for count, part in enumerate(parts, start=1):
            update.in_backward = False
            shares = last and count == len(parts)
            with contextlib.nullcontext() if shares else self.trainer.accelerator.no_sync(model):
                losses.append(step(model, part, num_items))
        return torch.stack(losses).sum()

    def split(self, batch: Any) -> list[Any]:
        """Return the parts of a batch that go through the model at once: at most `max_tokens_per_forward` each."""
        passes = _token_passes(batch, getattr(self.trainer.args, "max_tokens_per_forward", None))
        if self.micro_batch_parts == 1 and passes is None:
            return [batch]
        rows = row_count(batch)
        parts = []
        for chosen in passes or [list(range(rows))]:
            size = math.ceil(len(chosen) / self.micro_batch_parts)
            parts += [chosen[start : start + size] for start in range(0, len(chosen), size)]
        return [_rows_of(batch, part, rows) for part in parts]

    def _begin_again(
        self, step: Step, model: nn.Module, update: OptimizerStep, num_items: Any, error: RuntimeError
    ) -> Tensor:
        """Make the update from its start in smaller parts; return the loss of all that is through then."""
        message = _shortened(error)
        error.__traceback__ = None  # it holds the tensors that did not fit
        while True:
            largest = max(row_count(batch) for batch in update.batches)
            rows, number = math.ceil(largest / self.micro_batch_parts), self.trainer.state.global_step + 1
            where = f"Out of memory at step {number} with {rows} rows in a forward pass ({message})"
            self._check_can_begin_again(model, update, where, rows)
            self.micro_batch_parts *= 2
            clear_device_cache(garbage_collection=True)
            logger.warning(
                f"{where}. The step begins again with at most {math.ceil(largest / self.micro_batch_parts)} rows and "
                f"{self.micro_batch_parts} times the accumulation, as do all after it: the updates stay the same."
            )
            model.zero_grad()
            self.trainer.reset_step()
            assert update.random_state is not None
            set_random_state(update.random_state, self.trainer.args.device)
            if isinstance(model, DistributedDataParallel):
                # The buffers were sent around when the update began; the other processes do not send them again.
                model.require_forward_param_sync = False
            try:
                losses = [
                    self.micro_batch(step, model, number, batch, num_items, last=number == update.done)
                    for number, batch in enumerate(update.batches[: update.done + 1])
                ]
            except RuntimeError as again:
                if not _is_out_of_memory(again):
                    raise
                again.__traceback__ = None
                continue
            self.trainer._tr_loss.copy_(update.loss)
            return torch.stack(losses).sum()

    def _check_can_begin_again(self, model: nn.Module, update: OptimizerStep, where: str, rows: int) -> None:
        if self.trainer.args.world_size > 1 and not self.can_begin_again(model, update):
            raise TrainingError(f"{where}. The processes were adding up their gradients: {_HALVE}")
        if not self.is_additive():
            raise TrainingError(f"{where}. The loss is your own (compute_loss, or compute_loss_func): {_HALVE}")
        if rows == 1:
            advice = "shorten the texts (task.max_length), or set training.gradient_checkpointing: true."
            raise TrainingError(f"{where}. A single row does not fit: {advice}")

    def can_begin_again(self, model: nn.Module, update: OptimizerStep) -> bool:
        """Return whether no gradient was shared: under DDP, before the backward pass that adds them up."""
        return (
            isinstance(model, DistributedDataParallel)
            and not self.collective
            and not (update.in_backward and model.require_backward_grad_sync)
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the number of parts."""
        return {"micro_batch_parts": self.micro_batch_parts}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with that many parts."""
        self.micro_batch_parts = state["micro_batch_parts"]

    def summary(self) -> Mapping[str, Any]:
        """Return the number of parts, where micro-batches are cut."""
        parts = self.micro_batch_parts
        return {"parts of a micro-batch, to fit into memory": parts} if parts > 1 else {}


def _rows_of(batch: Any, chosen: list[int], rows: int) -> Any:
    """Return some rows of a batch: of each tensor of as many rows, however the batch is nested."""

    def take(tensor: Tensor) -> Tensor:
        return tensor[chosen] if tensor.ndim and len(tensor) == rows else tensor

    return recursively_apply(take, batch)


def _token_passes(batch: Any, most_tokens: int | None) -> list[list[int]] | None:
    """Group a batch's rows into passes of similar length and at most so many tokens; None where one holds all."""
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    if most_tokens is None or mask is None or int(mask.sum()) <= most_tokens:
        return None
    lengths = mask.sum(1).tolist()
    passes: list[list[int]] = []
    tokens = most_tokens
    for row in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if tokens + lengths[row] > most_tokens:
            passes.append([])
            tokens = 0
        passes[-1].append(row)
        tokens += lengths[row]
    return passes if len(passes) > 1 else None


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether PyTorch ran out of memory, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)


def _shortened(error: RuntimeError) -> str:
    """Return the beginning of an error's text, on one line."""
    return " ".join(str(error).split())[:200]
