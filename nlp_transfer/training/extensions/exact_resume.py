"""Going on, exactly: an interrupted run ends as if it had not been interrupted.

What the stock loop would lose on the way is kept beside its own files (saving.py) and taken over here. At the end of an
epoch the stock loop acts twice, after the step and after the epoch; what is due after a save between the two is lost
with a crash. Here the resumed run does it. Missing optimizer, scheduler or random states are errors, and nothing is
read from a checkpoint that is not whole (checkpoints.py).

A checkpoint of stock `Trainer` has no manifest and none of our state. It is read as stock reads it, with a warning.
"""

import contextlib
import json
import time
from collections.abc import Callable
from logging import Filter, LogRecord
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.distributed import broadcast_object_list
from transformers.trainer import OPTIMIZER_NAME, SCALER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_utils import TrainOutput
from transformers.utils import logging

from nlp_transfer.errors import CheckpointError
from nlp_transfer.training import checkpoints
from nlp_transfer.training.saving import TRANSFER_STATE, SavingMixin
from nlp_transfer.training.signals import StopSignals, WorkerStart

logger = logging.get_logger(__name__)


class ResumingMixin(SavingMixin):
    """See the module's text. A part of `TransferMixin`."""

    stop_signals: StopSignals | None = None
    """Where set, training saves and raises `RunInterrupted` at the step after which one of them came."""

    trained_seconds = 0.0
    """How long `train` took, the interrupted parts before it included."""

    _resumed: dict[str, Any] | None = None
    _called_at = -1
    """The step after which the loop acted last."""

    def train(self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any) -> TrainOutput:
        """As in `Trainer`; `resume_from_checkpoint=True` takes the newest checkpoint that is whole.

        Raises:
            CheckpointError: there is none, or the one that was named is not whole or lacks a state.
            RunInterrupted: a signal came (`stop_signals`); a checkpoint was saved.
        """
        self._called_at = self._saved_at = -1
        self._started, self._seconds_before, self._resumed = time.time(), 0.0, None
        checkpoint = self._checkpoint_to_resume(resume_from_checkpoint)
        if checkpoint is not None and checkpoints.is_stock(checkpoint):
            self._check_stock(checkpoint)
        elif checkpoint is not None:
            self._resumed = {**self._read_transfer_state(checkpoint), "checkpoint": str(checkpoint)}
            self._seconds_before = self._resumed["seconds"]
        with self.stop_signals.deferred() if self.stop_signals else contextlib.nullcontext():
            output = super().train(str(checkpoint) if checkpoint else None, *args, **kwargs)
        self.trained_seconds = self._seconds_before + time.time() - self._started
        return output

    def newest_checkpoint(self) -> tuple[Path | None, list[str]]:
        """The newest checkpoint that is whole, the same on all processes, and what was passed over, a sentence each."""
        found = self._from_main(lambda: checkpoints.newest_whole(Path(str(self.args.output_dir))))
        return cast("tuple[Path | None, list[str]]", found)

    def _checkpoint_to_resume(self, wanted: str | bool | None) -> Path | None:
        """The same checkpoint on all processes, whole and with all that going on needs."""
        if not wanted:
            return None
        if wanted is True:
            found, passed = self.newest_checkpoint()
            for message in passed:
                logger.warning(message)
            if found is None:
                where = f"No valid checkpoint found in output directory ({self.args.output_dir})"
                raise CheckpointError([*passed, f"{where}: it has no whole checkpoint to go on from."])
            return found
        checkpoint = Path(wanted)
        if not checkpoint.is_dir():
            raise CheckpointError(f"Can't find a valid checkpoint at {checkpoint}: there is no such folder.")
        checkpoints.check_whole(checkpoint)
        return checkpoint

    def _check_stock(self, checkpoint: Path) -> None:
        """Check a checkpoint of stock `Trainer`, and warn of what it cannot promise. Raises CheckpointError."""
        if self.methods:
            raise CheckpointError(
                f"{checkpoint} was saved by transformers.Trainer, which knows no methods, and the trainer has "
                f"methods={self._recorded_methods()}. Load its weights into the model (from_pretrained) and train anew "
                "without resume_from_checkpoint."
            )
        self._require_states(checkpoint)
        logger.warning(
            f"{checkpoint} was saved by transformers.Trainer and has no manifest: a damaged file may go unnoticed. "
            "Training goes on with its weights, optimizer, scheduler and random states, but need not end as it would "
            "have there: updates of several batches or processes are weighed otherwise, group_by_length has another "
            "order, and what was due at the end of its epoch is not made up for."
        )

    def _require_states(self, checkpoint: Path, *others: str) -> None:
        """Complain about files without which training would begin with fresh states; raises CheckpointError."""
        fresh = " (save_only_model leaves it out, or it was deleted)"
        names = [TRAINER_STATE_NAME, *others]
        if not (self.is_deepspeed_enabled or self.is_fsdp_enabled):
            names += [OPTIMIZER_NAME, SCHEDULER_NAME]
        if getattr(self.accelerator, "scaler", None) is not None:
            names.append(SCALER_NAME)
        checkpoints.require_files(checkpoint, names, {OPTIMIZER_NAME: fresh})

    def _read_transfer_state(self, checkpoint: Path) -> dict[str, Any]:
        """Our own state of a checkpoint, after a look at whether all others are there."""
        self._require_states(checkpoint, TRANSFER_STATE)
        rng = "rng_state.pth" if self.args.world_size == 1 else f"rng_state_{self.args.process_index}.pth"
        state: dict[str, Any] = json.loads((checkpoint / TRANSFER_STATE).read_bytes())
        if state["processes"] != self.args.world_size:
            raise CheckpointError(
                f"{checkpoint} was saved by {state['processes']} processes, and there are {self.args.world_size} now. "
                "The rows of a batch and the random states would be others: start as many as before."
            )
        now = self._recorded_methods()
        if (then := state.get("methods", now)) != now:
            raise CheckpointError(
                f"{checkpoint} was saved in training with methods={then}, and the trainer has methods={now}. Give it "
                "those, or train anew without resume_from_checkpoint."
            )
        checkpoints.require_files(checkpoint, [rng], {})
        threads = torch.get_num_threads()
        if self.args.device.type == "cpu" and state["threads"] != threads:
            logger.warning(
                f"{checkpoint} was trained on {state['threads']} threads and goes on with {threads}, which rounds "
                f"otherwise: its end may differ in the last digits. training.cpu_threads: {state['threads']} keeps it."
            )
        if state["ended"]:
            logger.warning(
                f"{checkpoint}: early stopping had ended this training. It is not trained further, whatever patience "
                f"is given now. To train on, start anew from its weights: from_pretrained({str(checkpoint)!r})."
            )
        if not hasattr(self.train_dataset, "__len__"):
            logger.warning("The training rows are a stream, whose place cannot be found again exactly.")
        return state

    def _from_main(self, action: Callable[[], Any]) -> Any:
        """What the main process finds, on all processes."""
        box = [action() if self.args.process_index == 0 else None]
        if self.args.world_size > 1:
            broadcast_object_list(box, src=0)
        return box[0]

    def _init_training_state(self, *args: Any, **kwargs: Any) -> tuple[int, int]:
        """As in `Trainer`; an epoch whose end was still due when the checkpoint was saved comes again."""
        state = self._resumed
        stock, old_place = logging.get_logger("transformers.trainer"), _OldPlace()
        if state is not None:
            stock.addFilter(old_place)
        try:
            epochs, batches = super()._init_training_state(*args, **kwargs)
        finally:
            stock.removeFilter(old_place)
        if state is not None and state["best_checkpoint"]:
            self._find_best_checkpoint(Path(state["checkpoint"]), state["best_checkpoint"])
        if state is not None and state.get("epoch_end_due") and float(self.state.epoch or 0).is_integer():
            epochs = max(0, epochs - 1)
        return epochs, batches

    def _find_best_checkpoint(self, resumed: Path, name: str) -> None:
        """Find the best checkpoint so far beside the one that is resumed, or where it stood.

        Raises:
            CheckpointError: it is lost, and the run goes on in its own folder, so that it could not end as it would.
        """
        recorded, beside = self.state.best_model_checkpoint, resumed.parent / name
        best = beside if recorded is None or beside.is_dir() else Path(recorded)
        try:
            checkpoints.check_whole(best)
        except CheckpointError as error:
            own = Path(self._get_output_dir(None)).resolve() == resumed.parent.resolve()
            if own and self.args.load_best_model_at_end:
                raise CheckpointError(
                    [
                        *error.problems,
                        f"{best} held the best weights so far, so training cannot end as it would have. Put it back, "
                        "or train anew: in Python without resume_from_checkpoint; of a run, --new_run keeps this one "
                        "under another name.",
                    ]
                ) from error
            self.state.best_model_checkpoint = None
            logger.warning(
                f"{best} held the best weights so far, and is not used: {error.problems[0]} Training ends with its "
                "last weights, unless a later evaluation is better than that one."
            )
        else:
            self.state.best_model_checkpoint = str(best)

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As in `Trainer`, with what the interrupted run had counted; nothing, where it had come to its end."""
        state = self._restore()
        if state.get("ended") or self.state.global_step >= self.state.max_steps > 0:
            self.control.should_training_stop = True
        # In the middle of an epoch training goes on if max_steps, which had ended it, is larger now.
        whole = float(self.state.epoch or 0).is_integer() or state.get("epoch_stopped", False)
        if state.get("epoch_end_due") and (whole or self.control.should_training_stop):
            self._end_epoch(state, **kwargs)
        elif not self.control.should_training_stop:
            super()._run_epoch(*args, **kwargs)

    def _end_epoch(
        self,
        state: dict[str, Any],
        model: nn.Module,
        epoch: int,
        trial: Any,
        ignore_keys_for_eval: Any,
        start_time: float,
        **_: Any,
    ) -> None:
        """Do what the stock loop does after an epoch's last step has been made, logged, evaluated and saved."""
        self._called_at = self.state.global_step
        self.control.should_log = self.control.should_evaluate = self.control.should_save = False
        self.control = self.callback_handler.on_epoch_end(self.args, self.state, self.control)
        self._maybe_log_save_evaluate(
            self._tr_loss,
            state["grad_norm"],
            model,
            trial,
            epoch,
            ignore_keys_for_eval,
            start_time,
            learning_rate=state["learning_rate"],
        )

    def _restore(self) -> dict[str, Any]:
        """Take over what the interrupted run had counted, once; returns its state, which is empty from then on."""
        state, self._resumed = self._resumed, None
        if state is None:
            return {}
        self._tr_loss.fill_(state["losses_since_logged"][self.args.process_index])
        self._total_loss_scalar = state["total_loss"]
        self._globalstep_last_logged = state["last_logged_step"]
        self._initial_global_step = 0
        for name, count in state["counters"][self.args.process_index].items():
            setattr(self, name, count)
        self._load_rng_state(state["checkpoint"])
        self.load_networks(Path(state["checkpoint"]))
        return state

    def _evaluate(self, trial: Any, ignore_keys_for_eval: Any, skip_scheduler: bool = False) -> dict[str, float]:
        """As in `Trainer`; the evaluation before the first step (`eval_on_start`) is not repeated on resuming."""
        if skip_scheduler and self._resumed is not None:
            return {}
        return super()._evaluate(trial, ignore_keys_for_eval, skip_scheduler)

    def _maybe_log_save_evaluate(
        self,
        tr_loss: torch.Tensor,
        grad_norm: Any,
        model: nn.Module,
        trial: Any,
        epoch: float,
        ignore_keys_for_eval: Any,
        start_time: float,
        learning_rate: float | None = None,
    ) -> None:
        """As in `Trainer`; then comes the time to stop for a signal."""
        step = self.state.global_step
        self._in_step, self._called_at = self._called_at != step, step
        self._last_step = grad_norm, learning_rate
        super()._maybe_log_save_evaluate(
            tr_loss, grad_norm, model, trial, epoch, ignore_keys_for_eval, start_time, learning_rate=learning_rate
        )
        if self._saved_at == step:
            self._list_changes(checkpoints.checkpoint_path(Path(self._get_output_dir(trial)), step))
        self._stop_if_asked(model, trial)

    def _stop_if_asked(self, model: nn.Module, trial: Any) -> None:
        if self.stop_signals is None:
            return
        asked = torch.tensor(float(self.stop_signals.received is not None), device=self.args.device)
        if not bool(self.accelerator.reduce(asked, "sum")):
            return
        if self._saved_at != self.state.global_step or self.args.save_only_model:
            bare, self.args.save_only_model = self.args.save_only_model, False  # this one is to go on from
            try:
                self._save_checkpoint(model, trial)
            finally:
                self.args.save_only_model = bare
        place = checkpoints.checkpoint_path(Path(self._get_output_dir(trial)), self.state.global_step)
        raise self.stop_signals.interrupted(f"step {self.state.global_step} was finished and saved in {place}")

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """As in `Trainer`; weights that are tied to others are not missing, they came with these."""
        tied = getattr(self.model, "all_tied_weights_keys", None) or {}
        load_result.missing_keys[:] = [key for key in load_result.missing_keys if key not in tied]
        super()._issue_warnings_after_load(load_result)

    def _load_best_model(self) -> None:
        """As in `Trainer`, from a whole checkpoint only."""
        checkpoints.check_whole(Path(str(self.state.best_model_checkpoint)))
        super()._load_best_model()

    def _finalize_training(self, trial: Any, num_train_samples: int, start_time: float) -> TrainOutput:
        """As in `Trainer`; times are the whole run's."""
        self._restore()  # where no epoch was left to run
        return super()._finalize_training(trial, num_train_samples, start_time - self._seconds_before)

    def get_train_dataloader(self) -> Any:
        """As in `Trainer`; its workers leave signals to the main process."""
        loader = super().get_train_dataloader()
        if self.stop_signals is not None and self.args.dataloader_num_workers > 0:
            loader.worker_init_fn = WorkerStart(loader.worker_init_fn)
        return loader


class _OldPlace(Filter):
    """Leaves out the stock Trainer's complaint that a moved run's best checkpoint is not where it was."""

    def filter(self, record: LogRecord) -> bool:
        return "recorded in the resumed state does not exist" not in record.getMessage()
