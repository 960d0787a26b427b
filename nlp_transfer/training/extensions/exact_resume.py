"""Exact resume: an interrupted run ends as if it had not been interrupted, to the bit.

What the stock loop would lose is kept next to its own files (`checkpoint_writer.py`) and restored here. At the end of
an epoch the stock loop acts twice, after the step and after the epoch; what is due after a save between the two is lost
with a crash. Here the resumed run does it. Missing optimizer, scheduler or random states are errors, and nothing is
read from a checkpoint that is not whole (`checkpoints.py`), as one of stock `Trainer`, which has no manifest.
"""

import contextlib
import copy
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from torch import nn
from transformers.trainer import OPTIMIZER_NAME, SCALER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.trainer_callback import TrainerState
from transformers.trainer_utils import TrainOutput
from transformers.utils import logging

from nlp_transfer.errors import CheckpointError
from nlp_transfer.methods.extension import Extension
from nlp_transfer.training import checkpoints
from nlp_transfer.training.checkpoint_writer import CheckpointWriter, method_settings, restore_extensions
from nlp_transfer.training.checkpoints import TRANSFER_STATE

logger = logging.get_logger(__name__)


class ExactResume(Extension):
    """Save checkpoints whole and go on from them exactly; `call` is always a method of stock `Trainer`.

    `seconds` is how long training took, the interrupted parts before it included.
    """

    def __init__(self) -> None:
        self.seconds = self._seconds_before = self._started = 0.0
        self._state: dict[str, Any] | None = None
        self._called_at = -1
        self._in_step = False  # whether the loop acts after a step, and not after an epoch
        self._last_step: tuple[Any, float | None] = (None, None)

    def attach(self, trainer: Any) -> None:
        """Remember the trainer."""
        super().attach(trainer)
        self.writer = CheckpointWriter(trainer, self._progress)

    def _progress(self) -> dict[str, Any]:
        grad_norm, learning_rate = self._last_step
        stops = self.trainer.control.should_training_stop or self.trainer.control.should_epoch_stop
        ends_epoch = stops or float(self.trainer.state.epoch or 0).is_integer()
        return {
            "seconds": self._seconds_before + time.time() - self._started,
            "epoch_end_due": self._in_step and ends_epoch,
            "grad_norm": None if grad_norm is None else float(grad_norm),
            "learning_rate": learning_rate,
        }

    # ---- the beginning ----

    def train(self, call: Callable[..., TrainOutput], wanted: str | bool | None, *args: Any, **kwargs: Any) -> Any:
        """Train, from a checkpoint where one is wanted; raise CheckpointError or RunInterrupted."""
        self._called_at = self.writer.saved_at = -1
        self._started, self._seconds_before, self._state = time.time(), 0.0, None
        checkpoint = self.checkpoint_to_resume(wanted)
        if checkpoint is not None:
            self._state = {**read_transfer_state(self.trainer, checkpoint), "checkpoint": str(checkpoint)}
            self._seconds_before = self._state["seconds"]
        signals = self.trainer.stop_signals
        with signals.deferred() if signals else contextlib.nullcontext():
            output = call(str(checkpoint) if checkpoint else None, *args, **kwargs)
        self.seconds = self._seconds_before + time.time() - self._started
        return output

    def newest_checkpoint(self) -> tuple[Path | None, list[str]]:
        """Return the newest whole checkpoint, the same on all processes, and why newer ones were passed over."""
        newest: tuple[Path | None, list[str]] = (None, [])
        if self.trainer.args.process_index == 0:
            newest = checkpoints.newest_whole(Path(str(self.trainer.args.output_dir)))
        return broadcast_object_list([newest])[0]  # type: ignore[no-any-return]

    def checkpoint_to_resume(self, wanted: str | bool | None) -> Path | None:
        """Return the checkpoint to go on from, the same on all processes and whole; None where none is wanted."""
        if not wanted:
            return None
        if wanted is True:
            newest, passed = self.newest_checkpoint()
            for message in passed:
                logger.warning(message)
            if newest is None:
                where = f"No valid checkpoint found in output directory ({self.trainer.args.output_dir})"
                raise CheckpointError([*passed, f"{where}: it has no whole checkpoint to go on from."])
            return newest
        checkpoint = Path(wanted)
        if not checkpoint.is_dir():
            raise CheckpointError(f"Can't find a valid checkpoint at {checkpoint}: there is no such folder.")
        checkpoints.check_whole(checkpoint)
        return checkpoint

    def init_training_state(
        self, call: Callable[..., tuple[int, int]], max_steps: int, *args: Any, **kwargs: Any
    ) -> tuple[int, int]:
        """Read the loop's state; an epoch whose end was still due when the checkpoint was saved comes again.

        `logging_steps` are the arguments', which may have changed; when to evaluate and save is the checkpoint's.
        """
        state, given, steps = self._state, self.trainer.args, TrainerState()
        steps.compute_steps(given, max_steps)
        self.trainer.args = copy.copy(given)  # in numbers, as checkpoints have them: a share of the steps is no change
        self.trainer.args.logging_steps = None
        self.trainer.args.eval_steps, self.trainer.args.save_steps = steps.eval_steps, steps.save_steps
        try:
            epochs, batches = call(max_steps, *args, **kwargs)
        finally:
            self.trainer.args = given
        self.trainer.state.logging_steps = steps.logging_steps
        if state is not None and state["best_checkpoint"]:
            find_best_checkpoint(self.trainer, Path(state["checkpoint"]), state["best_checkpoint"])
        if state is not None and state.get("epoch_end_due") and float(self.trainer.state.epoch or 0).is_integer():
            epochs = max(0, epochs - 1)
        return epochs, batches

    # ---- an epoch ----

    def run_epoch(self, call: Callable[[], None], **loop: Any) -> None:
        """Run an epoch with what the interrupted run had counted; nothing, where it had come to its end."""
        trainer, state = self.trainer, self.restore()
        if state.get("ended") or trainer.state.global_step >= trainer.state.max_steps > 0:
            trainer.control.should_training_stop = True
        # In the middle of an epoch training goes on if max_steps, which had ended it, is larger now.
        whole = float(trainer.state.epoch or 0).is_integer() or state.get("epoch_stopped", False)
        if state.get("epoch_end_due") and (whole or trainer.control.should_training_stop):
            self._end_epoch(state, loop)
        elif not trainer.control.should_training_stop:
            call()

    def _end_epoch(self, state: dict[str, Any], loop: dict[str, Any]) -> None:
        """Do what the stock loop does after an epoch's last step has been made, logged, evaluated and saved."""
        trainer = self.trainer
        self._called_at = trainer.state.global_step
        trainer.control.should_log = trainer.control.should_evaluate = trainer.control.should_save = False
        trainer.control = trainer.callback_handler.on_epoch_end(trainer.args, trainer.state, trainer.control)
        names = ("model", "trial", "epoch", "ignore_keys_for_eval", "start_time")
        rest = [loop[name] for name in names]
        trainer._maybe_log_save_evaluate(
            trainer._tr_loss, state["grad_norm"], *rest, learning_rate=state["learning_rate"]
        )

    def restore(self) -> dict[str, Any]:
        """Take over what the interrupted run had counted, once; return its state, which is empty from then on."""
        trainer = self.trainer
        state, self._state = self._state, None
        if state is None:
            return {}
        trainer._tr_loss.fill_(state["losses_since_logged"][trainer.args.process_index])
        trainer._total_loss_scalar = state["total_loss"]
        trainer._globalstep_last_logged = state["last_logged_step"]
        trainer._initial_global_step = 0
        trainer._load_rng_state(state["checkpoint"])
        restore_extensions(trainer, Path(state["checkpoint"]), state["extensions"][trainer.args.process_index])
        return state

    def skips_first_evaluation(self) -> bool:
        """Return whether the evaluation before the first step (`eval_on_start`) belongs to the interrupted run."""
        return self._state is not None

    # ---- after a step ----

    def log_save_evaluate(self, call: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Do what is due after a step or an epoch; then comes the time to stop for a signal."""
        step = self.trainer.state.global_step
        self._in_step, self._called_at = self._called_at != step, step
        self._last_step = args[1], kwargs.get("learning_rate")
        call(*args, **kwargs)
        self._stop_if_asked(*args[2:4])

    def _stop_if_asked(self, model: nn.Module, trial: Any) -> None:
        trainer, signals = self.trainer, self.trainer.stop_signals
        if signals is None:
            return
        asked = torch.tensor(float(signals.received is not None), device=trainer.args.device)
        if not bool(trainer.accelerator.reduce(asked, "sum")):
            return
        step = trainer.state.global_step
        if self.writer.saved_at != step or trainer.args.save_only_model:
            bare, trainer.args.save_only_model = trainer.args.save_only_model, False  # this one is to go on from
            try:
                trainer._save_checkpoint(model, trial)
            finally:
                trainer.args.save_only_model = bare
        place = checkpoints.checkpoint_path(Path(trainer._get_output_dir(trial)), step)
        raise signals.interrupted(f"step {step} was finished and saved in {place}")

    def finalize_training(
        self, call: Callable[..., TrainOutput], trial: Any, num_train_samples: int, start_time: float
    ) -> TrainOutput:
        """End training; times are the whole run's."""
        self.restore()  # where no epoch was left to run
        return call(trial, num_train_samples, start_time - self._seconds_before)


def ignore_tied_weights(model: Any, load_result: Any) -> None:
    """Take weights that are tied to others out of the missing ones: they came with these."""
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    load_result.missing_keys[:] = [key for key in load_result.missing_keys if key not in tied]


def _require_files(checkpoint: Path, names: Sequence[str]) -> None:
    """Check for the files without which training would begin with fresh states; raise CheckpointError."""
    problems = [
        f"{checkpoint} has no {name} (save_only_model leaves states out, or it was deleted), so the run cannot go on "
        "as it was. Go on from another checkpoint, or start a new run."
        for name in names
        if not (checkpoint / name).is_file()
    ]
    if problems:
        raise CheckpointError(problems)


def read_transfer_state(trainer: Any, checkpoint: Path) -> dict[str, Any]:
    """Return the content of `transfer_state.json`, checked against the trainer and the files; raise CheckpointError."""
    names = [TRAINER_STATE_NAME, TRANSFER_STATE]
    if not (trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled):
        names += [OPTIMIZER_NAME, SCHEDULER_NAME]
    if getattr(trainer.accelerator, "scaler", None) is not None:
        names.append(SCALER_NAME)
    _require_files(checkpoint, names)
    rng = "rng_state.pth" if trainer.args.world_size == 1 else f"rng_state_{trainer.args.process_index}.pth"
    state: dict[str, Any] = json.loads((checkpoint / TRANSFER_STATE).read_bytes())
    if state["processes"] != trainer.args.world_size:
        raise CheckpointError(
            f"{checkpoint} was saved by {state['processes']} processes, and there are {trainer.args.world_size} now, "
            "which would make other batches: start as many as before."
        )
    now = method_settings(trainer.methods)
    if (then := state.get("methods", now)) != now:
        raise CheckpointError(
            f"{checkpoint} was saved in training with methods={then}, and the trainer has methods={now}. Give it "
            "those, or train anew without resume_from_checkpoint."
        )
    _require_files(checkpoint, [rng])
    threads = torch.get_num_threads()
    if trainer.args.device.type == "cpu" and state["threads"] != threads:
        logger.warning(
            f"{checkpoint} was trained on {state['threads']} threads and goes on with {threads}, which rounds "
            f"otherwise: its end may differ in the last digits. training.cpu_threads: {state['threads']} keeps it."
        )
    if state["ended"]:
        logger.warning(
            f"{checkpoint}: early stopping had ended this training. It is not trained further, whatever patience "
            f"is given now. To train on, start anew from its weights: from_pretrained({str(checkpoint)!r})."
        )
    if not hasattr(trainer.train_dataset, "__len__"):
        logger.warning("The training rows are a stream, whose place cannot be found again exactly.")
    return state


def find_best_checkpoint(trainer: Any, resumed: Path, name: str) -> None:
    """Find the best checkpoint so far next to the one that is resumed, or where it stood; raise CheckpointError."""
    recorded, sibling = trainer.state.best_model_checkpoint, resumed.parent / name
    best = sibling if recorded is None or sibling.is_dir() else Path(recorded)
    try:
        checkpoints.check_whole(best)
    except CheckpointError as error:
        own = Path(trainer._get_output_dir(None)).resolve() == resumed.parent.resolve()
        if own and trainer.args.load_best_model_at_end:
            advice = "Put it back, or train anew; archive_existing keeps a run's folder under another name."
            problem = f"{best} held the best weights so far, so training cannot end as it would have. {advice}"
            raise CheckpointError([*error.problems, problem]) from error
        trainer.state.best_model_checkpoint = None
        logger.warning(
            f"{best} held the best weights so far, and is not used: {error.problems[0]} Training ends with its "
            "last weights, unless a later evaluation is better than that one."
        )
    else:
        trainer.state.best_model_checkpoint = str(best)
