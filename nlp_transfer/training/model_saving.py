"""Write the model that a run trained."""

import shutil
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.config_values import CLASS_FREQUENCIES
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.tasks import FittedTask
from nlp_transfer.tasks.saved_folder import CONFIG_KEY, find_saved
from nlp_transfer.tasks.saved_models import save
from nlp_transfer.training.trainer import TransferTrainer

MODEL, ADAPTER = "model", "adapter"


def save_model(
    trainer: TransferTrainer, task: FittedTask, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> dict[str, str]:
    """Write a run's `model` folder, and `adapter` where an adapter was trained; return the paths by folder name.

    On all processes together. `model` has the adapter merged in; where that is impossible, `adapter` is all there is.
    """
    record = {"task": task.name, **task.settings(), **_class_frequencies(trainer, task)}
    model, paths = _unwrapped(trainer, folder)
    if model is None and ADAPTER not in paths:
        setattr(trainer.accelerator.unwrap_model(trainer.model).config, CONFIG_KEY, record)
        trainer.save_model(paths[MODEL])
    elif model is not None and trainer.is_world_process_zero():
        save(model, tokenizer, paths[MODEL], record=record, cut_at=task.cut_at)
        for name, extra in task.saved_with().items():
            shutil.copytree(find_saved(extra).files, Path(paths[MODEL]) / name, dirs_exist_ok=True)
    trainer.accelerator.wait_for_everyone()
    for written in paths.values() if trainer.is_world_process_zero() else ():
        (Path(written) / "training_args.bin").unlink(missing_ok=True)  # a pickle; nothing needs it here
        write_manifest(Path(written))
    return paths


def _class_frequencies(trainer: TransferTrainer, task: FittedTask) -> dict[str, list[float]]:
    """Return the share of each class among the training rows, for an adaptation without them; of one label a text."""
    rows = trainer.context.train if trainer.context is not None else None
    if rows is None or "labels" not in rows.column_names or not task.label_names or isinstance(rows[0]["labels"], list):
        return {}
    counts = np.bincount(rows["labels"], minlength=len(task.label_names))
    return {CLASS_FREQUENCIES: [round(float(one), 6) for one in counts / len(rows)]}


def _unwrapped(trainer: TransferTrainer, folder: Path) -> tuple[PreTrainedModel | None, dict[str, str]]:
    """Return the plain model, None where its weights are sharded or cannot be merged, and the folders to write."""
    from peft import PeftModel

    from nlp_transfer.models.adapters import merge

    model = trainer.accelerator.unwrap_model(trainer.model)
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    if not isinstance(model, PeftModel):
        return None if sharded else model, {MODEL: str(folder / MODEL)}
    paths = {ADAPTER: str(folder / ADAPTER)}
    trainer.save_model(paths[ADAPTER])
    if sharded:
        return None, paths
    try:
        return merge(model), {MODEL: str(folder / MODEL), **paths}
    except ConfigError:  # the trained adapter is saved, and is all that there is
        return None, paths
