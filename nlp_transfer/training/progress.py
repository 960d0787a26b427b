"""Show the progress of a run: a bar with a line for each log entry, and a callback that writes the entries."""

from collections.abc import Callable
from typing import Any

from transformers import ProgressCallback, TrainerCallback, TrainerState

from nlp_transfer.metrics.table import METRICS


class ProgressLines(ProgressCallback):
    """Show transformers' bar with lines for people instead of dictionaries."""

    def on_log(self, args: Any, state: TrainerState, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Write one line above the bar."""
        line = progress_line(logs or {}, state)
        if state.is_world_process_zero and self.training_bar is not None and line:
            self.training_bar.write(line)


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
        of = f" ({', '.join(parts)})" if parts else ""
        return f"{where} · loss {logs['loss']:.4f}{of} · learning rate {logs.get('learning_rate', 0.0):.2e}"
    scores = {key.removeprefix("eval_"): value for key, value in logs.items() if key.startswith("eval_")}
    names = [name for name, metric in METRICS.items() if metric.logged and name in scores]
    names.sort(key=lambda name: name == "loss")  # last
    listed = [f"{METRICS[name].title} {scores[name]:.4f}" for name in names]
    return f"{where} · validation: " + " · ".join(listed) if listed else ""
