"""Write checkpoints as transactions on a folder: one is whole, or it does not exist.

    .checkpoint-N.saving    written here; its manifest of sizes and SHA-256 comes last, all of it flushed to the disk
    checkpoint-N            renamed into place, then the folder above is flushed
    .checkpoint-N.removed   renamed out of place before it is deleted

So a crash at any instant leaves whole checkpoints and hidden rests. A folder under a checkpoint's name without a valid
manifest is passed over with a message.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.manifest import check_manifest, has_manifest, sync_folder, write_manifest

TRANSFER_STATE = "transfer_state.json"
"""The file of a checkpoint for what a resumed loop must know."""

EXTENSIONS = "extensions.safetensors"
"""The file of a checkpoint for the extensions' tensors; none where they have none."""

_NAME = re.compile(rf"{PREFIX_CHECKPOINT_DIR}-(\d+)")
_SAVING = re.compile(rf"\.({PREFIX_CHECKPOINT_DIR}-\d+)\.saving")
_REMOVED = re.compile(rf"\.({PREFIX_CHECKPOINT_DIR}-\d+)\.removed")

READ = (
    *("model*.safetensors", "model*.index.json", "pytorch_model*", "adapter_*", "extensions*"),
    *("optimizer*", "scheduler*", "scaler*", "rng_state*", "trainer_state.json", "transfer_state.json"),
)
"""Names of the files that are read of a checkpoint; a callback may add others."""

SPARE_BYTES = 16 << 20
"""Spare bytes on the disk for a checkpoint's small files and the log of the run."""


def checkpoint_path(parent: Path, step: int) -> Path:
    """Return the folder of a step's checkpoint once it is whole."""
    return parent / f"{PREFIX_CHECKPOINT_DIR}-{step}"


def begin(parent: Path, step: int, needed_bytes: int) -> Path:
    """Make an empty folder to write the checkpoint of a step to; raise CheckpointError where the disk has no room."""
    saving = parent / f".{PREFIX_CHECKPOINT_DIR}-{step}.saving"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        if free < needed_bytes + SPARE_BYTES:
            raise CheckpointError(
                f"{checkpoint_path(parent, step)} was not saved: it needs about {needed_bytes:,} bytes, and the disk "
                f"has {free:,} bytes free. Make room, or lower training.save_total_limit, and resume (--resume)."
            )
        if saving.exists():
            shutil.rmtree(saving)
        saving.mkdir()
    except OSError as error:
        raise not_saved(checkpoint_path(parent, step), needed_bytes, error) from error
    return saving


def commit(saving: Path) -> Path:
    """Make what was written a checkpoint: manifest, flush, rename. Return its place; raise OSError.

    One that stands there already is replaced; a folder of that name that is no checkpoint is kept under another name.
    """
    match = _SAVING.fullmatch(saving.name)
    assert match is not None, "made by begin"
    place = saving.with_name(match[1])
    write_manifest(saving)
    if place.exists():
        if has_manifest(place):
            _remove(place)
        else:
            place.rename(_free_name(place.with_name(f"kept-{place.name}")))
    saving.rename(place)
    sync_folder(place.parent)
    clear_rests(place.parent)
    return place


def not_saved(place: Path, needed_bytes: int, error: Exception) -> CheckpointError:
    """Return the error of a save that failed, with the reason that the system gives."""
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:300] or type(error).__name__
    return CheckpointError(
        f"{place} cannot be saved ({reason}); it needs about {needed_bytes:,} bytes. Earlier checkpoints are whole. "
        "Make room or mend the rights of the folder, then resume (--resume)."
    )


def check_whole(checkpoint: Path) -> None:
    """Check a checkpoint by its manifest; raise CheckpointError."""
    check_manifest(checkpoint, READ)


def last_checkpoint_note(arguments: Any) -> str:
    """Return a sentence that names the last checkpoint in a run's folder, for error messages."""
    saved = checkpoints(Path(str(arguments.output_dir)))
    return f"The last good checkpoint is {saved[-1]}." if saved else "No checkpoint was saved before it."


def newest_whole(parent: Path) -> tuple[Path | None, list[str]]:
    """Return the newest whole checkpoint, and a sentence for each newer one that was passed over."""
    _recover(parent)
    passed: list[str] = []
    for path in reversed(checkpoints(parent)):
        try:
            check_whole(path)
        except CheckpointError as error:
            passed.append(f"{path.name} was passed over: {error.problems[0]}")
        else:
            return path, passed
    return None, passed


def checkpoints(parent: Path) -> list[Path]:
    """Return the folders under a checkpoint's name, whole or not, by their step."""
    if not parent.is_dir():
        return []
    numbered = [(int(match[1]), path) for path in parent.iterdir() if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(numbered) if path.is_dir()]


def _recover(parent: Path) -> None:
    """Finish what a crash left undone: name a checkpoint that was whole but not yet renamed, and clear the rests."""
    if not parent.is_dir():
        return
    for path in list(parent.iterdir()):
        match = _SAVING.fullmatch(path.name)
        if match and has_manifest(path) and not path.with_name(match[1]).exists():
            try:
                check_whole(path)
            except CheckpointError:
                continue
            path.rename(path.with_name(match[1]))
    clear_rests(parent)


def clear_rests(parent: Path) -> None:
    """Delete the hidden folders of saves and removals that did not come to their end."""
    for path in list(parent.iterdir()):
        if _SAVING.fullmatch(path.name) or _REMOVED.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def rotate(newest: Path, limit: int | None, protected: Sequence[Path] = ()) -> None:
    """Delete checkpoints, so that `limit` are left; folders without a manifest are not ours to delete.

    Those of later steps, from before which the run went on, go first, then the oldest. `newest` and `protected` stay.
    """
    parent = newest.parent
    ours = [path for path in checkpoints(parent) if has_manifest(path)]
    if not limit or limit < 0 or len(ours) <= limit:
        return
    kept = {newest, *protected} & set(ours)
    surplus = len(ours) - max(limit, len(kept))
    later = ours.index(newest) + 1 if newest in ours else len(ours)
    for path in [path for path in ours[later:] + ours[:later] if path not in kept][:surplus]:
        _remove(path)
    clear_rests(parent)


def _remove(place: Path) -> None:
    """Take a checkpoint out of its place at once; deleting it takes a while."""
    aside = place.with_name(f".{place.name}.removed")
    shutil.rmtree(aside, ignore_errors=True)
    place.rename(aside)


def _free_name(path: Path) -> Path:
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
