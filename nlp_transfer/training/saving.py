"""Saving a checkpoint whole or not at all (checkpoints.py), on all processes together.

What the stock loop loses on the way is kept in `transfer_state.json` beside its own files:

* the loss since the last logged step, so that the log does not change;
* that training had come to its end (by early stopping, say), where a stock run trains on;
* that the epoch had come to its end, and what follows on that (`on_epoch_end`, an evaluation) had not;
* the seconds and the losses of the parts before, so that the run's cost and mean loss are the whole run's;
* the methods, so that a run does not go on as another.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import nn
from transformers import EarlyStoppingCallback, Trainer
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import ExportableState

from nlp_transfer.errors import CheckpointError
from nlp_transfer.methods.base import Method
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.training import checkpoints
from nlp_transfer.training.checkpoints import TRANSFER_STATE
from nlp_transfer.training.optimizer_step import COUNTERS


class SavingMixin(Trainer):
    """See the module's text. A part of `TransferMixin`."""

    methods: Sequence[Method] = ()
    _seconds_before = 0.0
    _started = 0.0
    _saved_at = -1
    _in_step = False
    """Whether the loop acts after a step, and not after an epoch."""

    _last_step: tuple[Any, float | None] = (None, None)
    """Gradient norm and learning rate of the last step, which the log shows."""

    _stamps: Mapping[str, tuple[int, int, int]]
    """Of the files of the checkpoint that was saved last."""

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """As in `Trainer`, but whole or not at all; older ones go only when this one stands."""
        if self.hp_search_backend is None and trial is None:
            self.store_flos()
        parent, step, needed = Path(self._get_output_dir(trial)), self.state.global_step, self.checkpoint_bytes()
        place, saving = checkpoints.checkpoint_path(parent, step), checkpoints.saving_path(parent, step)
        losses = gather_object([self._tr_loss.item()])
        counters = gather_object([{name: getattr(self, name) for name in COUNTERS}])
        self._together(lambda: checkpoints.begin(parent, step, needed), main_only=True)
        try:
            self._together(lambda: self._write_checkpoint(saving, losses, counters), failed=place)
            self._together(lambda: checkpoints.commit(saving), main_only=True, failed=place)
        finally:
            if self.args.should_save and saving.exists():
                checkpoints.clear_rests(parent)
        self._saved_at = step
        if self.args.should_save:
            self._stamps = checkpoints.stamps(place)
            best = self.state.best_model_checkpoint
            checkpoints.rotate(place, self.args.save_total_limit, [Path(best)] if best else [])

    def _write_checkpoint(self, folder: Path, losses: list[float], counters: list[dict[str, Any]]) -> None:
        self.save_model(str(folder), _internal_call=True)
        self._name_best_checkpoint(folder.parent)
        if not self.args.save_only_model:
            self._save_optimizer_and_scheduler(str(folder))
            self._save_scaler(str(folder))
            self._save_rng_state(str(folder))
        if self.args.should_save:
            self.save_networks(folder)
            self._collect_callback_states()
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))
            (folder / TRANSFER_STATE).write_text(json.dumps(self._transfer_state(losses, counters), indent=1) + "\n")

    def _transfer_state(self, losses: list[float], counters: list[dict[str, Any]]) -> dict[str, Any]:
        """What goes on in the resumed run, lists by process; JSON keeps floating-point numbers exactly."""
        return {
            "losses_since_logged": losses,
            "last_logged_step": self._globalstep_last_logged,
            "total_loss": self._total_loss_scalar,
            "seconds": self._seconds_before + time.time() - self._started,
            "ended": self.control.should_training_stop and self._out_of_patience(),
            "epoch_end_due": self._in_step and self._ends_epoch(),
            "epoch_stopped": self.control.should_epoch_stop,
            "grad_norm": None if self._last_step[0] is None else float(self._last_step[0]),
            "learning_rate": self._last_step[1],
            "best_checkpoint": Path(self.state.best_model_checkpoint or "").name,
            "processes": self.args.world_size,
            "threads": torch.get_num_threads(),
            "counters": counters,
            "methods": self._recorded_methods(),
        }

    def _out_of_patience(self) -> bool:
        """Whether early stopping ended training; another callback's stop, such as a time limit, is no end."""
        return any(
            isinstance(callback, EarlyStoppingCallback)
            and callback.early_stopping_patience_counter >= callback.early_stopping_patience
            for callback in self.callback_handler.callbacks
        )

    def _ends_epoch(self) -> bool:
        """Whether the step that was made is the last of its epoch."""
        stops = self.control.should_training_stop or self.control.should_epoch_stop
        return stops or float(self.state.epoch or 0).is_integer()

    def _list_changes(self, place: Path) -> None:
        """List a checkpoint's files anew where a callback changed them in `on_save`, on all processes together."""

        def list_anew() -> None:
            if place.is_dir() and (found := checkpoints.stamps(place)) != self._stamps:
                write_manifest(place)
                self._stamps = found

        self._together(list_anew, main_only=True, failed=place)

    def _recorded_methods(self) -> list[dict[str, Any]]:
        """The methods and their settings as JSON has them; of one that is no dataclass the name alone."""
        made = [
            {"name": method.name, **(dataclasses.asdict(method) if dataclasses.is_dataclass(method) else {})}
            for method in self.methods
        ]
        kept: list[dict[str, Any]] = json.loads(json.dumps(made, default=lambda value: type(value).__name__))
        return kept

    def save_networks(self, folder: Path) -> None:
        """Write what methods train beside the model."""

    def load_networks(self, folder: Path) -> None:
        """Take it over."""

    def checkpoint_bytes(self) -> int:
        """About how large a checkpoint is now: weights that are saved, and the optimizer's tensors."""
        model = self.accelerator.unwrap_model(self.model)
        saved = [p for p in model.parameters() if p.requires_grad or not hasattr(model, "peft_config")]
        states = [] if self.args.save_only_model else list(getattr(self.optimizer, "state", {}).values())
        tensors = [x for state in states for x in state.values() if isinstance(x, torch.Tensor)]
        return sum(x.numel() * x.element_size() for x in [*saved, *tensors])

    def _name_best_checkpoint(self, parent: Path) -> None:
        """The best checkpoint is named by its place; the one that is being saved will stand there."""
        if self.state.best_global_step:
            best = checkpoints.checkpoint_path(parent, self.state.best_global_step)
            if best.is_dir() or self.state.best_global_step == self.state.global_step:
                self.state.best_model_checkpoint = str(best)

    def _collect_callback_states(self) -> None:
        """The callbacks' states as they are now, in the place where `TrainerState` keeps them."""
        states: dict[str, Any] = {}
        for callback in [*self.callback_handler.callbacks, self.control]:
            if isinstance(callback, ExportableState):
                states.setdefault(type(callback).__name__, []).append(callback.state())
        kept: Any = {name: x[0] if len(x) == 1 else x for name, x in states.items()}
        self.state.stateful_callbacks = kept

    def _together(self, action: Callable[[], Any], *, main_only: bool = False, failed: Path | None = None) -> None:
        """Run something on all processes (or where files are written); if it fails on one, it fails on all.

        Args:
            action: what to run; processes wait for one another after it.
            main_only: run it only where this process writes checkpoints.
            failed: the checkpoint that could not be saved, if errors other than ours are to become one of ours.
        """
        error: Exception | None = None
        try:
            if self.args.should_save or not main_only:
                action()
        except CheckpointError as caught:
            error = caught
        except Exception as caught:  # a full disk shows as OSError, SafetensorError or RuntimeError
            if failed is None:
                raise
            error = checkpoints.not_saved(failed, self.checkpoint_bytes(), caught)
            error.__cause__ = caught
        messages = [x for x in gather_object([str(error) if error else None]) if x]
        if error is not None:
            raise error
        if messages:
            raise CheckpointError(messages[0])
