"""Save a checkpoint whole or not at all (`checkpoints.py`), on all processes together.

What the stock loop would lose is kept in `transfer_state.json` and `extensions.safetensors` next to its own files:

* the loss since the last logged step, and the seconds and losses of earlier parts, so that no number changes;
* that training had ended, or an epoch, while what follows on that (an evaluation, say) had not happened yet;
* the methods, so that a run does not go on as another, and the states of the extensions.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from safetensors.torch import load_file, save_file
from transformers import EarlyStoppingCallback
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_callback import ExportableState

from nlp_transfer.errors import CheckpointError
from nlp_transfer.hub.upload import CARD
from nlp_transfer.methods.base import Method
from nlp_transfer.models.heads.encoder_decoder import separate_weights
from nlp_transfer.training import checkpoints
from nlp_transfer.training.checkpoints import EXTENSIONS, TRANSFER_STATE


class CheckpointWriter:
    """Write a trainer's checkpoints; `saved_at` is the step of the last one, -1 before the first."""

    def __init__(self, trainer: Any, progress: Callable[[], dict[str, Any]]) -> None:
        self.trainer, self.progress = trainer, progress
        self.saved_at = -1

    def save(self, trial: Any) -> None:
        """Save the checkpoint of this step; older ones are deleted only when it is whole. Raises CheckpointError."""
        trainer, step = self.trainer, self.trainer.state.global_step
        if trainer.hp_search_backend is None and trial is None:
            trainer.store_flos()
        parent, needed = Path(trainer._get_output_dir(trial)), checkpoint_bytes(trainer)
        place = checkpoints.checkpoint_path(parent, step)
        saving = place.with_name(f".{place.name}.saving")
        losses = gather_object([trainer._tr_loss.item()])
        values, tensors = _states(trainer)
        values = gather_object([values])
        self._together(lambda: checkpoints.begin(parent, step, needed), main_only=True)
        try:
            self._together(lambda: self._write(saving, losses, values, tensors), failed=place)
            self._together(lambda: checkpoints.commit(saving), main_only=True, failed=place)
        finally:
            if trainer.args.should_save and saving.exists():
                checkpoints.clear_rests(parent)
        self.saved_at = step
        if trainer.args.should_save:
            best = trainer.state.best_model_checkpoint
            checkpoints.rotate(place, trainer.args.save_total_limit, [Path(best)] if best else [])

    def _write(
        self, folder: Path, losses: list[float], values: list[dict[str, Any]], tensors: dict[str, torch.Tensor]
    ) -> None:
        trainer = self.trainer
        trainer.save_model(str(folder), _internal_call=True)
        self._name_best_checkpoint(folder.parent)
        if not trainer.args.save_only_model:
            trainer._save_optimizer_and_scheduler(str(folder))
            trainer._save_scaler(str(folder))
            trainer._save_rng_state(str(folder))
        if not trainer.args.should_save:
            return
        if tensors:
            save_file(tensors, folder / EXTENSIONS)
        self._collect_callback_states()
        trainer.state.save_to_json(str(folder / TRAINER_STATE_NAME))
        state = {
            "losses_since_logged": losses,
            "last_logged_step": trainer._globalstep_last_logged,
            "total_loss": trainer._total_loss_scalar,
            "ended": trainer.control.should_training_stop and self._out_of_patience(),
            "epoch_stopped": trainer.control.should_epoch_stop,
            "best_checkpoint": Path(trainer.state.best_model_checkpoint or "").name,
            "processes": trainer.args.world_size,
            "threads": torch.get_num_threads(),
            "extensions": values,
            "methods": method_settings(trainer.methods),
            **self.progress(),
        }
        (folder / TRANSFER_STATE).write_text(json.dumps(state, indent=1) + "\n")  # which keeps numbers exactly

    def _out_of_patience(self) -> bool:
        """Return whether early stopping ended training; another callback's stop, such as a time limit, is no end."""
        return any(
            isinstance(callback, EarlyStoppingCallback)
            and callback.early_stopping_patience_counter >= callback.early_stopping_patience
            for callback in self.trainer.callback_handler.callbacks
        )

    def _name_best_checkpoint(self, parent: Path) -> None:
        """Name the best checkpoint by its place; the one that is being saved will stand there."""
        state = self.trainer.state
        if state.best_global_step:
            best = checkpoints.checkpoint_path(parent, state.best_global_step)
            if best.is_dir() or state.best_global_step == state.global_step:
                state.best_model_checkpoint = str(best)

    def _collect_callback_states(self) -> None:
        """Put the callbacks' states as they are now where `TrainerState` keeps them."""
        states: dict[str, Any] = {}
        for callback in [*self.trainer.callback_handler.callbacks, self.trainer.control]:
            if isinstance(callback, ExportableState):
                states.setdefault(type(callback).__name__, []).append(callback.state())
        self.trainer.state.stateful_callbacks = {name: x[0] if len(x) == 1 else x for name, x in states.items()}

    def _together(self, action: Callable[[], Any], *, main_only: bool = False, failed: Path | None = None) -> None:
        """Run something on all processes (or where files are written); if it fails on one, it fails on all."""
        error: Exception | None = None
        try:
            if self.trainer.args.should_save or not main_only:
                action()
        except CheckpointError as caught:
            error = caught
        except Exception as caught:  # a full disk shows as OSError, SafetensorError or RuntimeError
            if failed is None:
                raise
            error = checkpoints.not_saved(failed, checkpoint_bytes(self.trainer), caught)
            error.__cause__ = caught
        messages = [x for x in gather_object([str(error) if error else None]) if x]
        if error is not None:
            raise error
        if messages:
            raise CheckpointError(messages[0])


def save_model_files(trainer: Any, call: Callable[..., None], output_dir: str | None, state_dict: Any) -> None:
    """Save a model without the Hub token in the pickled arguments, and leave a card in the folder as it is."""
    if state_dict is None:
        state_dict = separate_weights(trainer.accelerator.unwrap_model(trainer.model))
    token, trainer.args.hub_token = trainer.args.hub_token, None
    place = Path(str(output_dir or trainer.args.output_dir)) / CARD
    card = place.read_bytes() if place.is_file() else None
    try:
        call(output_dir, state_dict)
    finally:
        trainer.args.hub_token = token
    if card is not None:
        place.write_bytes(card)  # peft writes into any that it finds


def checkpoint_bytes(trainer: Any) -> int:
    """Return about how large a checkpoint is now: weights that are saved, and the optimizer's tensors."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    saved = [p for p in model.parameters() if p.requires_grad or not hasattr(model, "peft_config")]
    states = [] if trainer.args.save_only_model else list(getattr(trainer.optimizer, "state", {}).values())
    tensors = [x for state in states for x in state.values() if isinstance(x, torch.Tensor)]
    return sum(x.numel() * x.element_size() for x in [*saved, *tensors])


def method_settings(methods: Sequence[Method]) -> list[dict[str, Any]]:
    """Return methods and their settings as JSON has them; of one that is no dataclass only the name."""
    made = [{"name": one.name, **(asdict(one) if is_dataclass(one) else {})} for one in methods]
    kept: list[dict[str, Any]] = json.loads(json.dumps(made, default=lambda value: type(value).__name__))
    return kept


def restore_extensions(trainer: Any, checkpoint: Path, values: Mapping[str, Any]) -> None:
    """Hand the states in a checkpoint to a trainer's extensions; `values` are this process's."""
    tensors = load_file(checkpoint / EXTENSIONS) if (checkpoint / EXTENSIONS).exists() else {}
    for extension in trainer.extensions:
        name = type(extension).__name__
        own = {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}
        if state := {**values.get(name, {}), **own}:
            extension.load_state_dict(state)


def _states(trainer: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return the extensions' states: values by extension, and tensors by `EXTENSION.NAME`."""
    values: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    for extension in trainer.extensions:
        name = type(extension).__name__
        for key, value in extension.state_dict().items():
            if isinstance(value, torch.Tensor):
                tensors[f"{name}.{key}"] = value.contiguous()
            else:
                values.setdefault(name, {})[key] = value
    return values, tensors
