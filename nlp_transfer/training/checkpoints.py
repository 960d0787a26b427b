"""Write checkpoints as transactions on a folder: one is whole, or it does not exist.

    .checkpoint-N.saving    written here; its manifest of sizes and SHA-256 comes last, all of it flushed to the disk
    checkpoint-N            renamed into place, then the folder above is flushed
    .checkpoint-N.removed   renamed out of place before it is deleted

So a crash at any instant leaves whole checkpoints and hidden rests. A folder under a checkpoint's name without a valid
manifest is passed over with a message.
"""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers.trainer import TRAINER_STATE_NAME
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


def saving_path(parent: Path, step: int) -> Path:
    """Return the folder that a step's checkpoint is written to."""
    return parent / f".{PREFIX_CHECKPOINT_DIR}-{step}.saving"


def begin(parent: Path, step: int, needed_bytes: int) -> Path:
    """Make an empty folder to write the checkpoint of a step to; raise CheckpointError where the disk has no room."""
    saving = saving_path(parent, step)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        if free < needed_bytes + SPARE_BYTES:
            raise CheckpointError(
                f"{checkpoint_path(parent, step)} was not saved: it needs about {needed_bytes:,} bytes, and the disk "
                f"has {free:,} bytes free (of which {SPARE_BYTES:,} stay spare). Earlier checkpoints are whole. "
                "Free some room, or lower training.save_total_limit, and go on with --resume."
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
        "Make room or mend the rights of the folder, then go on with --resume."
    )


def stamps(checkpoint: Path) -> dict[str, tuple[int, int, int]]:
    """Return size, time of change and inode of each file, by which a change is noticed without reading."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file())
    stats = {str(path.relative_to(checkpoint)): path.stat() for path in files}
    return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}


def is_stock(checkpoint: Path) -> bool:
    """Return whether stock `Trainer` saved a checkpoint: `trainer_state.json`, its last file, is there and readable."""
    if has_manifest(checkpoint) or (checkpoint / TRANSFER_STATE).exists():
        return False
    try:
        return isinstance(json.loads((checkpoint / TRAINER_STATE_NAME).read_bytes()), dict)
    except (OSError, ValueError):
        return False


def check_whole(checkpoint: Path) -> None:
    """Check a checkpoint by its manifest; one of stock `Trainer` has none. Raises CheckpointError."""
    if not is_stock(checkpoint):
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
                check_manifest(path, READ)
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

    Those of later steps go first: the run went on from before them, because they were damaged, or they are an older
    run's. Then go the oldest. `newest` and those in `protected`, such as the best one, are kept; they count.
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


def require_files(checkpoint: Path, names: Sequence[str], why: dict[str, str]) -> None:
    """Check that a checkpoint has the files that a run goes on from; `why` has reasons why some are missing."""
    problems = [
        f"{checkpoint} has no {name}{why.get(name, '')}, so the run cannot go on as it was. Go on from another "
        "checkpoint, or start a new run."
        for name in names
        if not (checkpoint / name).is_file()
    ]
    if problems:
        raise CheckpointError(problems)


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
