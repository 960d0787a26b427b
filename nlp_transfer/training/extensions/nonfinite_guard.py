"""An update that is not finite never reaches the weights.

The loss of every micro-batch and the gradient's norm are looked at before the optimizer's step. The run stops there
with the rows' ids, or, with `on_nonfinite: skip`, leaves the update out, counts it, and stops after a bound.
"""

import math
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import nn
from transformers.trainer_utils import EvalLoopOutput
from transformers.utils import logging

from nlp_transfer.errors import TrainingError
from nlp_transfer.training.optimizer_step import OptimizerStep, UpdateMixin

logger = logging.get_logger(__name__)

SHOWN_IDS = 16
"""How many ids a message lists."""


class FiniteMixin(UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

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
        if getattr(self.args, "on_nonfinite", "stop") != "skip":
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
        self._drop_update()
        self._tr_loss.copy_(update.loss)
        self._globalstep_last_logged += 1  # this step has no loss to average
        return 0.0

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """As in `Trainer`; batches whose loss is not finite stay in the mean, whatever the arguments' default."""
        filters, self.args.logging_nan_inf_filter = self.args.logging_nan_inf_filter, False
        try:
            output: EvalLoopOutput = super().evaluation_loop(*args, **kwargs)
            return output
        finally:
            self.args.logging_nan_inf_filter = filters

    def _ruin(self, ruined: list[tuple[float, list[Any]]], update: OptimizerStep) -> str:
        what = f"The loss became {ruined[0][0]}" if ruined else "The gradient is not finite, though the loss is,"
        ids = [x for _, rows in ruined for x in rows]
        if not ruined:
            ids = [x for rows in update.row_ids for x in rows]
        shown = ", ".join(map(str, ids[:SHOWN_IDS])) + (f", … ({len(ids)} rows)" if len(ids) > SHOWN_IDS else "")
        return (
            f"{what} at step {self.state.global_step + 1} (epoch {self.state.epoch or 0:.2f}), with the rows "
            f"{shown or 'of which no ids are known (the dataset has no column id)'}. The weights did not take this "
            "update. Usual causes: a learning rate too high (training.learning_rate), no warm-up "
            "(training.warmup_steps), fp16 overflow (training.precision: auto), or a loss weight out of range. "
            "training.on_nonfinite: skip leaves such updates out."
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As in `Trainer`, with the number of updates that were left out so far, if any were."""
        if self.skipped_updates and "loss" in logs:
            logs["skipped_updates"] = self.skipped_updates
        super().log(logs, start_time)
