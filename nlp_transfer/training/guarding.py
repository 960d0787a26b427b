"""What is done about an update that would ruin the weights or does not fit into memory.

Not finite: the loss of every micro-batch and the gradient's norm are looked at before the weights take the update.
The run stops there with the rows' ids, or, with `nonfinite: skip`, leaves the update out, counts it, and stops after a
bound.

Out of memory: the update begins again from its own start (gradients, random state, counted loss), with every
micro-batch cut into twice as many parts. A part's loss has its share of the update's items, so the update is the same:
half the micro-batch and twice the accumulation. Of several processes each cuts its own: one whose forward pass did not
fit makes its share again while the others wait for its gradients, which are added up once, with the last part. Only
where memory runs out in the backward pass that adds them up is there no way back.
"""

import contextlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from transformers import Trainer
from transformers.trainer_utils import TrainOutput
from transformers.utils import logging

from nlp_transfer.errors import TrainingError
from nlp_transfer.training import checkpoints

logger = logging.get_logger(__name__)

ROW_IDS = "row_ids"
"""The key under which a batch carries its rows' ids to the training step; models never see it."""

ID_COLUMN = "id"

COUNTERS = ("micro_batch_parts", "skipped_updates")
"""The attributes of `GuardingMixin` that a checkpoint keeps."""

SHOWN_IDS = 16
"""How many ids a message lists."""


class RowIds:
    """A collator around another one, which keeps the rows' ids beside the tensors.

    Args:
        collate: the collator; it sees rows without ids.
    """

    def __init__(self, collate: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> None:
        self.collate = collate

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A batch of rows, with their ids under `ROW_IDS`."""
        batch = self.collate([{key: value for key, value in row.items() if key != ID_COLUMN} for row in rows])
        return {**batch, ROW_IDS: [row[ID_COLUMN] for row in rows]}


@dataclass
class Update:
    """One update while it is made: what is needed to make it again from its start.

    Args:
        batches: its micro-batches.
        loss: the loss counted since the last logged step, before this update.
        random_state: PyTorch's, before the first micro-batch.
        done: how many micro-batches are through.
        ruined: (loss, ids) of micro-batches whose loss is not finite.
        in_backward: whether the forward pass of the part that is made has come to its end.
    """

    batches: list[dict[str, Any]]
    loss: Tensor
    random_state: tuple[Tensor, Any] | None = None
    done: int = 0
    ruined: list[tuple[float, list[Any]]] = field(default_factory=list)
    in_backward: bool = False


class GuardingMixin(Trainer):
    """See the module's text. A part of `TransferMixin`."""

    micro_batch_parts = 1
    """Into how many parts each micro-batch is cut, since it did not fit into memory whole."""

    skipped_updates = 0
    """How many updates were left out because they were not finite."""

    _update: Update | None = None

    def parts_add_up(self) -> bool:
        """Whether the losses of a batch's parts are known to add up to that of the batch."""
        return False

    def get_train_dataloader(self) -> Any:
        """As in `Trainer`; where the rows have an id, batches bring it along for messages."""
        columns = getattr(self.train_dataset, "column_names", None)
        if not isinstance(columns, list) or ID_COLUMN not in columns or not self.args.remove_unused_columns:
            return super().get_train_dataloader()
        self._set_signature_columns_if_needed()
        kept: tuple[Any, Any] = (self.data_collator, self._signature_columns)
        columns_read: Any = [*kept[1], ID_COLUMN]
        self.data_collator, self._signature_columns = RowIds(kept[0]), columns_read
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator, self._signature_columns = kept

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in `Trainer`.

        Raises:
            TrainingError: memory ran out where smaller parts do not help, as with the optimizer's state.
        """
        self.micro_batch_parts, self.skipped_updates = 1, 0
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

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; notes where the update begins."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        self._update = Update(batches, self._tr_loss.clone())
        return batches, items

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """As in `Trainer`; see the module's text.

        Raises:
            TrainingError: one row alone does not fit into memory.
        """
        update = self._update
        if update is None:  # called by hand, outside the training loop
            return super().training_step(model, without_ids(inputs), num_items_in_batch)
        if update.random_state is None:
            update.random_state = random_state(self.args.device)
        try:
            loss = self._micro_batch(model, inputs, num_items_in_batch)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            loss = self._begin_again(model, update, num_items_in_batch, error)
        update.done += 1
        return loss

    def _micro_batch(
        self, model: nn.Module, inputs: Mapping[str, Any], items: Tensor | int | None, *, last: bool = True
    ) -> Tensor:
        """The parts of a micro-batch; gradients are shared with the last part of the update's last one, if at all."""
        assert self._update is not None
        parts, losses = self._parts(inputs), []
        for number, part in enumerate(parts, start=1):
            self._update.in_backward = False
            with contextlib.nullcontext() if last and number == len(parts) else self.accelerator.no_sync(model):
                losses.append(super().training_step(model, part, items))
        loss = torch.stack(losses).sum()
        if not bool(torch.isfinite(loss)):
            self._update.ruined.append((loss.item(), list(inputs.get(ROW_IDS, ()))))
        return loss

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; notes that the forward pass has come to its end."""
        output = super().compute_loss(*args, **kwargs)
        if self._update is not None:
            self._update.in_backward = True
        return output

    def _parts(self, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
        whole = without_ids(inputs)
        rows = row_count(whole)
        if self.micro_batch_parts == 1 or rows == 1:
            return [whole]
        size = math.ceil(rows / self.micro_batch_parts)
        return [
            {
                key: value[start : start + size] if isinstance(value, Tensor) and len(value) == rows else value
                for key, value in whole.items()
            }
            for start in range(0, rows, size)
        ]

    def _begin_again(self, model: nn.Module, update: Update, items: Tensor | int | None, error: RuntimeError) -> Tensor:
        """Make the update from its start in smaller parts; returns the loss of all that is through then."""
        message = shortened(error)
        error.__traceback__ = None  # it holds the tensors that did not fit
        while True:
            largest = max(row_count(without_ids(batch)) for batch in update.batches)
            rows = math.ceil(largest / self.micro_batch_parts)
            where = f"Out of memory at step {self.state.global_step + 1} with {rows} rows in a forward pass ({message})"
            if self.args.world_size > 1 and not self._can_begin_again(model, update):
                raise TrainingError(
                    f"{where}. The processes were adding up their gradients, from which there is no way back: halve "
                    "training.per_device_train_batch_size and double training.gradient_accumulation_steps, which "
                    "makes the same updates, and start again."
                )
            if not self.parts_add_up():
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
            update.ruined.clear()
            assert update.random_state is not None
            set_random_state(update.random_state, self.args.device)
            if isinstance(model, DistributedDataParallel):
                # The buffers were sent around when the update began; the other processes do not send them again.
                model.require_forward_param_sync = False
            try:
                losses = [
                    self._micro_batch(model, batch, items, last=number == update.done)
                    for number, batch in enumerate(update.batches[: update.done + 1])
                ]
            except RuntimeError as again:
                if not is_out_of_memory(again):
                    raise
                again.__traceback__ = None
                continue
            self._tr_loss.copy_(update.loss)
            return torch.stack(losses).sum()

    def _can_begin_again(self, model: nn.Module, update: Update) -> bool:
        """Whether no gradient was shared in this update: under DDP, before the backward pass that adds them up."""
        return isinstance(model, DistributedDataParallel) and not (
            update.in_backward and model.require_backward_grad_sync
        )

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        """As in `Trainer`; the last look before the weights take the update.

        Raises:
            TrainingError: the update is not finite, and is not to be skipped or is one too many.
        """
        norm = super()._get_grad_norm(model, grad_norm)
        update, self._update = self._update, None
        if update is None:
            return norm
        # Under fp16 an infinite gradient is how the loss's scale is found; the scaler leaves the update out itself.
        scaled = getattr(self.accelerator, "scaler", None) is not None
        finite = norm is None or scaled or math.isfinite(float(norm))
        ruined = update.ruined
        if self.args.world_size > 1:
            bad = torch.tensor(float(bool(ruined) or not finite), device=self.args.device)
            if bool(self.accelerator.reduce(bad, "sum")):
                ruined, finite = [x for part in gather_object([ruined]) for x in part], False
        if finite and not ruined:
            return norm
        message = self._ruin(ruined, update)
        if getattr(self.args, "nonfinite", "stop") != "skip":
            raise TrainingError(f"{message} {self._last_checkpoint()}")
        self.skipped_updates += 1
        if self.skipped_updates > getattr(self.args, "max_skipped_updates", 0):
            raise TrainingError(
                f"{message} {self.skipped_updates - 1} updates were left out before it, which is the most that "
                "training.max_skipped_updates allows."
            )
        logger.warning(f"{message} It is left out ({self.skipped_updates} so far).")
        model.zero_grad()
        for parameter in model.parameters():
            parameter.grad = None  # the optimizer passes over it: neither moments nor decay
        self._tr_loss.copy_(update.loss)
        self._globalstep_last_logged += 1  # this step has no loss to average
        return 0.0

    def _last_checkpoint(self) -> str:
        saved = checkpoints.checkpoints(Path(str(self.args.output_dir)))
        return f"The last good checkpoint is {saved[-1]}." if saved else "No checkpoint was saved before it."

    def _ruin(self, ruined: list[tuple[float, list[Any]]], update: Update) -> str:
        what = f"The loss became {ruined[0][0]}" if ruined else "The gradient is not finite, though the loss is,"
        ids = [x for _, rows in ruined for x in rows]
        if not ruined:
            ids = [x for batch in update.batches for x in batch.get(ROW_IDS, ())]
        shown = ", ".join(map(str, ids[:SHOWN_IDS])) + (f", … ({len(ids)} rows)" if len(ids) > SHOWN_IDS else "")
        return (
            f"{what} at step {self.state.global_step + 1} (epoch {self.state.epoch or 0:.2f}), with the rows "
            f"{shown or 'of which no ids are known (the dataset has no column id)'}. The weights did not take this "
            "update. Usual causes: a learning rate too high (training.learning_rate), no warm-up "
            "(training.warmup_steps), fp16 overflow (training.precision: auto), or a loss weight out of range. "
            "training.nonfinite: skip leaves such updates out."
        )

    def guarded(self) -> dict[str, Any]:
        """What was done about updates, as facts for the report; nothing where nothing was."""
        facts: dict[str, Any] = {}
        if self.skipped_updates:
            facts["updates left out, not finite"] = self.skipped_updates
        if self.micro_batch_parts > 1:
            facts["parts of a micro-batch, to fit into memory"] = self.micro_batch_parts
        return facts

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As in `Trainer`, with the number of updates that were left out so far, if any were."""
        if self.skipped_updates and "loss" in logs:
            logs["skipped_updates"] = self.skipped_updates
        super().log(logs, start_time)


def without_ids(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The batch as the model takes it."""
    return {key: value for key, value in inputs.items() if key != ROW_IDS}


def row_count(inputs: Mapping[str, Any]) -> int:
    """Rows of a batch."""
    return next((len(value) for value in inputs.values() if isinstance(value, Tensor) and value.ndim > 0), 1)


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
