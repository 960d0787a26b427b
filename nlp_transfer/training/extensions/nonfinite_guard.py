"""Keep updates that are not finite from the weights.

The loss of every micro-batch and the gradient's norm are checked before the optimizer step. The run stops there with
the rows' ids, or, with `on_nonfinite: skip`, leaves the update out, counts it, and stops after a bound.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn
from transformers.utils import logging

from nlp_transfer.errors import TrainingError
from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.training.checkpoints import last_checkpoint_note
from nlp_transfer.training.optimizer_step import OptimizerStep

logger = logging.get_logger(__name__)

MAX_SHOWN_IDS = 16
"""Maximum number of ids that a message lists."""


class NonfiniteGuard(Extension):
    """Stop at a loss or gradient that is not finite, or skip its update and count it in `skipped_updates`."""

    def __init__(self) -> None:
        self.skipped_updates = 0
        self._losses: dict[int, float] = {}  # those that are not finite, by the micro-batch's number

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Begin to count."""
        self.skipped_updates = 0
        yield

    @contextlib.contextmanager
    def evaluation(self) -> Iterator[None]:
        """Leave batches whose loss is not finite in the mean, whatever the arguments' default."""
        arguments = self.trainer.args
        filters, arguments.logging_nan_inf_filter = arguments.logging_nan_inf_filter, False
        try:
            yield
        finally:
            arguments.logging_nan_inf_filter = filters

    def prepare_step(self, batches: list[Batch]) -> list[Batch]:
        """Forget the losses of the last step."""
        self._losses = {}
        return batches

    def reset_step(self) -> None:
        """Forget the losses of this step."""
        self._losses = {}

    def backward(self, step: Callable[..., Tensor], model: nn.Module, batch: Batch, num_items: Any) -> Tensor:
        """Note a loss that is not finite."""
        loss = step(model, batch, num_items)
        update = self.trainer.current_step
        if update is not None and not bool(torch.isfinite(loss)):
            self._losses.setdefault(update.number, loss.item())
        return loss

    def before_optimizer_step(self, grad_norm: Any, model: nn.Module) -> Any:
        """Check the update before the weights take it; raise TrainingError unless it is finite or may be skipped."""
        trainer, update = self.trainer, self.trainer.current_step
        if update is None:
            return grad_norm
        # Under fp16 an infinite gradient is how the loss's scale is found; the scaler leaves the update out itself.
        scaled = getattr(trainer.accelerator, "scaler", None) is not None
        finite = grad_norm is None or scaled or math.isfinite(float(grad_norm))
        ruined = [(loss, update.ids_of(number)) for number, loss in self._losses.items()]
        if trainer.args.world_size > 1:
            bad = torch.tensor(float(bool(ruined) or not finite), device=trainer.args.device)
            if bool(trainer.accelerator.reduce(bad, "sum")):
                ruined, finite = [x for part in gather_object([ruined]) for x in part], False
        if finite and not ruined:
            return grad_norm
        self._skip(model, update, self._describe(ruined, update))
        return 0.0

    def _skip(self, model: nn.Module, update: OptimizerStep, message: str) -> None:
        trainer = self.trainer
        if getattr(trainer.args, "on_nonfinite", "stop") != "skip":
            raise TrainingError(f"{message} {last_checkpoint_note(trainer.args)}")
        self.skipped_updates += 1
        if self.skipped_updates > getattr(trainer.args, "max_skipped_updates", 0):
            most = f"{self.skipped_updates - 1} updates were left out before it (training.max_skipped_updates)."
            raise TrainingError(f"{message} {most}")
        logger.warning(f"{message} It is left out ({self.skipped_updates} so far).")
        model.zero_grad()
        for parameter in model.parameters():
            parameter.grad = None  # the optimizer passes over it: neither moments nor decay
        trainer.reset_step()
        trainer._tr_loss.copy_(update.loss)
        trainer._globalstep_last_logged += 1  # this step has no loss to average

    def _describe(self, ruined: list[tuple[float, list[Any]]], update: OptimizerStep) -> str:
        problem = f"The loss became {ruined[0][0]}" if ruined else "The gradient is not finite, though the loss is,"
        ids = [x for _, rows in ruined for x in rows] if ruined else [x for rows in update.row_ids for x in rows]
        more = f", … ({len(ids)} rows)" if len(ids) > MAX_SHOWN_IDS else ""
        listed = ", ".join(map(str, ids[:MAX_SHOWN_IDS])) + more
        state = self.trainer.state
        return (
            f"{problem} at step {state.global_step + 1} (epoch {state.epoch or 0:.2f}), with the rows "
            f"{listed or 'of which no ids are known (the dataset has no column id)'}. The weights did not take this "
            "update. Usual causes: a high training.learning_rate, no training.warmup_steps, fp16, or a loss weight out "
            "of range. training.on_nonfinite: skip leaves such updates out."
        )

    def log(self, logs: dict[str, float]) -> dict[str, float]:
        """Add the number of updates that were left out so far, if any were."""
        return {**logs, "skipped_updates": self.skipped_updates} if self.skipped_updates and "loss" in logs else logs

    def state_dict(self) -> dict[str, Any]:
        """Return the count."""
        return {"skipped_updates": self.skipped_updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the count."""
        self.skipped_updates = state["skipped_updates"]

    def summary(self) -> Mapping[str, Any]:
        """Return the count, where updates were left out."""
        return {"updates left out, not finite": self.skipped_updates} if self.skipped_updates else {}
