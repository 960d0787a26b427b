"""Show the progress of a run: its stages, a line for each log entry, and a callback that writes the entries."""

import os
import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from transformers import ProgressCallback, Trainer, TrainerCallback, TrainerState
from transformers.trainer_utils import has_length

from nlp_transfer.metrics.table import METRICS
from nlp_transfer.progress import stage_bar

TENSORBOARD = "tensorboard"
"""The folder in a run's folder that holds TensorBoard's files."""

_PACE_STEPS, _SLOW, _MIN_SECONDS = 20, 3.0, 0.05  # steps of a median; how many times slower is said; of so long a step


class ProgressLines(ProgressCallback):
    """Show each stage by its name, with lines for people instead of dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = "Evaluating"
        self._pace = StepPace()

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Begin the stage of training."""
        self.current_step = state.global_step
        if state.is_world_process_zero:
            self.training_bar = stage_bar("Training", state.max_steps, initial=state.global_step)

    def on_step_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Time the step."""
        self._pace.begin()

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Count the step, and warn once of steps that take far longer than the first ones did."""
        super().on_step_end(args, state, control, **kwargs)
        if (warning := self._pace.end()) and self.training_bar is not None:
            self.training_bar.write(warning)

    def on_prediction_step(
        self, args: Any, state: TrainerState, control: Any, eval_dataloader: Any = None, **kwargs: Any
    ) -> None:
        """Count a batch of an evaluation."""
        if self.prediction_bar is None and state.is_world_process_zero and has_length(eval_dataloader):
            self.prediction_bar = stage_bar(self.stage, len(eval_dataloader), leave=self.training_bar is None)
        super().on_prediction_step(args, state, control, eval_dataloader, **kwargs)

    def on_log(self, args: Any, state: TrainerState, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Write one line above the bar."""
        line = progress_line(logs or {}, state)
        if state.is_world_process_zero and self.training_bar is not None and line:
            self.training_bar.write(line)


def name_stage(trainer: Trainer, stage: str) -> None:
    """Name what a trainer's next evaluation or prediction is shown as."""
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, ProgressLines):
            callback.stage = stage


class StepPace:
    """Notice steps that take far longer than at the start, as where other programs use the machine, too."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_PACE_STEPS)
        self._first: float | None = None
        self._started = 0.0
        self._warned = False

    def begin(self) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def end(self) -> str:
        """Stop the clock; return a warning the first time that steps are slow, else an empty text."""
        self._seconds.append(time.perf_counter() - self._started)
        if self._warned or len(self._seconds) < _PACE_STEPS:
            return ""
        now = statistics.median(self._seconds)
        self._first = self._first or now
        load, cores = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0, os.cpu_count() or 1
        if now < max(_SLOW * self._first, _MIN_SECONDS) or load <= cores:
            return ""
        self._warned = True
        return (
            f"A step takes {now:.2f} s, {now / self._first:.1f} times as long as at the start: {load:.0f} threads of "
            f"all programs share {cores} cores. Resuming (--resume) with fewer training.cpu_threads may be faster."
        )


class LogEntries(TrainerCallback):
    """Hand every entry of the Trainer's log to `write`, and to `restart` those that a resumed run had logged before."""

    def __init__(
        self, write: Callable[[dict[str, Any]], None], restart: Callable[[list[dict[str, Any]]], None]
    ) -> None:
        self.write, self.restart = write, restart

    def on_train_begin(self, args: Any, state: TrainerState, control: Any, **kwargs: Any) -> None:
        """Drop what was logged after the checkpoint."""
        if state.is_world_process_zero:
            self.restart([dict(entry) for entry in state.log_history])

    def on_log(self, args: Any, state: TrainerState, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Hand the entry on."""
        if state.is_world_process_zero:
            self.write({"step": state.global_step, **(logs or {})})


def progress_line(logs: dict[str, Any], state: TrainerState) -> str:
    """Return one log entry as a line; empty for entries without a loss or a score."""
    where = f"epoch {state.epoch or 0:.2f} · step {state.global_step}/{state.max_steps}"
    if "loss" in logs:
        parts = [f"{name.removesuffix('_loss')} {value:.4f}" for name, value in logs.items() if name.endswith("_loss")]
        of = f" ({', '.join(parts)})" if len(parts) > 1 else ""
        return f"{where} · loss {logs['loss']:.4f}{of} · learning rate {logs.get('learning_rate', 0.0):.2e}"
    scores = {key.removeprefix("eval_"): value for key, value in logs.items() if key.startswith("eval_")}
    names = [name for name, metric in METRICS.items() if metric.logged and name in scores]
    names.sort(key=lambda name: name == "loss")  # last
    listed = [f"{METRICS[name].title} {scores[name]:.4f}" for name in names]
    return f"{where} · validation: " + " · ".join(listed) if listed else ""
