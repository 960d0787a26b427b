"""What does not fit into memory is made in smaller parts, and the update stays the same.

Out of memory, the update begins again from its own start (gradients, random state, counted loss), with every
micro-batch cut into twice as many parts. A part's loss has its share of the update's items: half the micro-batch and
twice the accumulation make the same update. Of several processes each cuts its own: one whose forward pass did not
fit makes its share again while the others wait for its gradients, which are added up once, with the last part. Only
where memory runs out in the backward pass that adds them up is there no way back.
"""

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import torch
from accelerate.utils import recursively_apply
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from transformers.trainer_utils import TrainOutput
from transformers.utils import logging

from nlp_transfer.errors import TrainingError
from nlp_transfer.training.extensions.loss_scaling import WeighedLossMixin
from nlp_transfer.training.optimizer_step import OptimizerStep, row_count

logger = logging.get_logger(__name__)


class MemoryMixin(WeighedLossMixin):
    """See the module's text. A part of `TransferMixin`."""

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in `Trainer`.

        Raises:
            TrainingError: memory ran out where smaller parts do not help, as with the optimizer's state.
        """
        self.micro_batch_parts, self.skipped_updates = 1, 0
        if getattr(self.args, "max_tokens_per_forward", None) is not None and not self.loss_is_additive():
            raise TrainingError(
                "training.max_tokens_per_forward cuts batches, but the loss is your own (compute_loss, or "
                "compute_loss_func), and whether those of the passes make that of the batch is not known. Leave "
                "max_tokens_per_forward out, or wrap the loss of each row in nlp_transfer.training.losses.update_mean."
            )
        try:
            return super().train(*args, **kwargs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(
                f"Out of memory at step {self.state.global_step + 1}, outside of the forward and backward passes, as "
                f"with the optimizer's state ({shortened(error)}). Train fewer weights (methods: lora), or take an "
                f"optimizer with less state (training.optim). {self._last_checkpoint()}"
            ) from error

    def prediction_step(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`.

        Raises:
            TrainingError: the batch does not fit into memory.
        """
        try:
            return super().prediction_step(model, inputs, *args, **kwargs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(
                f"Out of memory in evaluation, with {row_count(inputs)} rows in a forward pass ({shortened(error)}). "
                f"Lower training.per_device_eval_batch_size, which changes no result. {self._last_checkpoint()}"
            ) from error

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """As in `Trainer`; see the module's text.

        Raises:
            TrainingError: one row alone does not fit into memory.
        """
        update = self._update
        if update is None:  # called by hand, outside the training loop
            return super().training_step(model, inputs, num_items_in_batch)
        if update.random_state is None:
            update.random_state = random_state(self.args.device)
        try:
            loss = self._micro_batch(model, update.done, inputs, num_items_in_batch)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            loss = self._begin_again(model, update, num_items_in_batch, error)
        update.done += 1
        return loss

    def _micro_batch(
        self, model: nn.Module, number: int, inputs: Any, items: Tensor | int | None, *, last: bool = True
    ) -> Tensor:
        """Train the parts of a micro-batch by its number in the update.

        Gradients are shared with the last part of the update's last micro-batch, if at all.
        """
        assert self._update is not None
        parts, losses = self._parts(inputs), []
        for count, part in enumerate(parts, start=1):
            self._update.in_backward = False
            with contextlib.nullcontext() if last and count == len(parts) else self.accelerator.no_sync(model):
                losses.append(super().training_step(model, part, items))
        loss = torch.stack(losses).sum()
        if not bool(torch.isfinite(loss)):
            self._update.ruined.append((loss.item(), self._update.ids_of(number)))
        return loss

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; notes that the forward pass has come to its end."""
        output = super().compute_loss(*args, **kwargs)
        if self._update is not None:
            self._update.in_backward = True
        return output

    def _parts(self, inputs: Any) -> list[Any]:
        """What goes through the model at once: passes of at most `max_tokens_per_forward`, in as many parts as fit."""
        passes = token_passes(inputs, getattr(self.args, "max_tokens_per_forward", None))
        if self.micro_batch_parts == 1 and passes is None:
            return [inputs]
        rows = row_count(inputs)
        parts = []
        for chosen in passes or [list(range(rows))]:
            size = math.ceil(len(chosen) / self.micro_batch_parts)
            parts += [chosen[start : start + size] for start in range(0, len(chosen), size)]
        return [rows_of(inputs, part, rows) for part in parts]

    def _begin_again(
        self, model: nn.Module, update: OptimizerStep, items: Tensor | int | None, error: RuntimeError
    ) -> Tensor:
        """Make the update from its start in smaller parts; returns the loss of all that is through then."""
        message = shortened(error)
        error.__traceback__ = None  # it holds the tensors that did not fit
        while True:
            largest = max(row_count(batch) for batch in update.batches)
            rows = math.ceil(largest / self.micro_batch_parts)
            where = f"Out of memory at step {self.state.global_step + 1} with {rows} rows in a forward pass ({message})"
            if self.args.world_size > 1 and not self._can_begin_again(model, update):
                raise TrainingError(
                    f"{where}. The processes were adding up their gradients, from which there is no way back: halve "
                    "training.per_device_train_batch_size and double training.gradient_accumulation_steps, which "
                    "makes the same updates, and start again."
                )
            if not self.loss_is_additive():
                raise TrainingError(
                    f"{where}. The loss is your own (compute_loss, or compute_loss_func), and whether those of two "
                    "halves make that of the whole is not known: halve per_device_train_batch_size and double "
                    "gradient_accumulation_steps."
                )
            if rows == 1:
                raise TrainingError(
                    f"{where}. A single row does not fit: shorten the texts (task.max_length), train fewer weights "
                    "(methods: lora), or set training.gradient_checkpointing: true."
                )
            self.micro_batch_parts *= 2
            clear_device_cache(garbage_collection=True)
            logger.warning(
                f"{where}. The step begins again with at most {math.ceil(largest / self.micro_batch_parts)} rows and "
                f"{self.micro_batch_parts} times the accumulation, as do all after it: the updates stay the same."
            )
            model.zero_grad()
            self._drop_update()
            update.ruined.clear()
            assert update.random_state is not None
            set_random_state(update.random_state, self.args.device)
            if isinstance(model, DistributedDataParallel):
                # The buffers were sent around when the update began; the other processes do not send them again.
                model.require_forward_param_sync = False
            try:
                losses = [
                    self._micro_batch(model, number, batch, items, last=number == update.done)
                    for number, batch in enumerate(update.batches[: update.done + 1])
                ]
            except RuntimeError as again:
                if not is_out_of_memory(again):
                    raise
                again.__traceback__ = None
                continue
            self._tr_loss.copy_(update.loss)
            return torch.stack(losses).sum()

    def _can_begin_again(self, model: nn.Module, update: OptimizerStep) -> bool:
        """Whether no gradient was shared in this update: under DDP, before the backward pass that adds them up."""
        return (
            isinstance(model, DistributedDataParallel)
            and not self.needs_collective_forward()
            and not (update.in_backward and model.require_backward_grad_sync)
        )


def rows_of(batch: Any, chosen: list[int], rows: int) -> Any:
    """Return some rows of a batch: of each tensor of as many rows, however the batch is nested."""

    def take(tensor: Tensor) -> Tensor:
        return tensor[chosen] if tensor.ndim and len(tensor) == rows else tensor

    return recursively_apply(take, batch)


def token_passes(batch: Any, most_tokens: int | None) -> list[list[int]] | None:
    """The rows of a batch in passes of similar length, the longest rows first.

    Args:
        batch: a mapping with an `attention_mask`, shape (rows, tokens); without one nothing is cut.
        most_tokens: of a pass, padding not counted; a longer row is a pass of its own. None cuts nothing.

    Returns:
        Row numbers, each once; None where one pass holds the batch.
    """
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


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether PyTorch ran out of memory, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)


def shortened(error: RuntimeError) -> str:
    """The beginning of its text, on one line."""
    return " ".join(str(error).split())[:200]


def random_state(device: torch.device) -> tuple[Tensor, Any]:
    """PyTorch's random state on the CPU and on the GPU that is trained on."""
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def set_random_state(state: tuple[Tensor, Any], device: torch.device) -> None:
    """Put PyTorch's random state back to where it was."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)
