"""Checks of the checkpoint that a run goes on from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.trainer import OPTIMIZER_NAME, SCALER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME
from transformers.utils import logging

from nlp_transfer.errors import CheckpointError
from nlp_transfer.training import checkpoints
from nlp_transfer.training.checkpoint_writer import method_settings
from nlp_transfer.training.checkpoints import TRANSFER_STATE

logger = logging.get_logger(__name__)


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
            advice = "Put it back, or train anew (of a run, --archive_existing keeps this one under another name)."
            problem = f"{best} held the best weights so far, so training cannot end as it would have. {advice}"
            raise CheckpointError([*error.problems, problem]) from error
        trainer.state.best_model_checkpoint = None
        logger.warning(
            f"{best} held the best weights so far, and is not used: {error.problems[0]} Training ends with its "
            "last weights, unless a later evaluation is better than that one."
        )
    else:
        trainer.state.best_model_checkpoint = str(best)
