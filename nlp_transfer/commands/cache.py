"""List or clear the caches: corpora, tokens and activations, each in a folder (room) of its own.

Files that the cache did not write are neither listed nor deleted. A run that reads a deleted file keeps what is mapped.
"""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nlp_transfer.errors import ConfigError, DataError, did_you_mean
from nlp_transfer.files import cache_dir, read_errors

ROOMS = ("corpora", "tokens", "activations")
"""Rooms of the cache; one that nothing was written to is empty."""

_OWN = re.compile(r"[0-9a-f]{16}([0-9a-f]{48}|-[0-9a-f]{32})\.(arrow|json|tmp|act)|tmp\w{8}")
"""Names of the cache's files: keys, and what is being written; the last is the datasets library's for the latter."""

_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


@dataclass(frozen=True)
class CachedFile:
    """Describe a file of the cache; its age is since it was written, or, in `activations`, used."""

    path: Path
    room: str
    size_bytes: int
    age_seconds: float


def cache(action: Literal["list", "clear"], *, room: str | None = None, older_than_days: float = 0.0) -> None:
    """List or clear what is kept on disk so that it is computed once.

    It holds read corpora, tokens, and a frozen encoder's outputs: all derived from your texts, so delete it with them.
    NLP_TRANSFER_CACHE sets its folder. Runs that are going on keep what they have opened.

        nlp-transfer cache list
        nlp-transfer cache clear --room activations --older_than_days 7

    Args:
        action: what to do.
        room: only this room, such as activations.
        older_than_days: clear only what was not used for so long; 0 is all.

    Raises:
        ConfigError: an age below 0, or of what is only listed.
    """
    if not older_than_days >= 0:
        raise ConfigError(f"--older_than_days is {older_than_days}; expected 0 or more.")
    if action == "clear":
        print(f"Deleted {_counted(clear_cache(room, older_than_days))}, from {cache_dir()}.")
        return
    if older_than_days:
        raise ConfigError("--older_than_days limits what clear deletes; list shows all ages.")
    files = cached_files(room)
    print(f"{cache_dir()}: {_counted(files)}" if files else f"{cache_dir()} holds nothing.")
    for name in dict.fromkeys(file.room for file in files):
        inside = [file for file in files if file.room == name]
        print(f"  {name}: {_counted(inside)}")
        for file in inside:
            print(f"    {_size([file]):>10}  {_age(file.age_seconds):>12}  {file.path.name}")


def cached_files(room: str | None = None) -> list[CachedFile]:
    """Return the files of the cache, or of one room, by room, the ones used last first."""
    listed, now = [], time.time()
    with read_errors(cache_dir()):
        rooms = sorted(path for path in cache_dir().iterdir() if path.is_dir()) if cache_dir().exists() else []
        names = [path.name for path in rooms]
        if room is not None and room not in (*names, *ROOMS):
            raise ConfigError(f"--room: {did_you_mean('room', room, names)}")
        for path in (path for folder in rooms if room in (None, folder.name) for path in folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):  # a run has just moved it
                if _OWN.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                    state = path.stat()
                    listed.append(CachedFile(path, path.parent.name, state.st_size, max(0.0, now - state.st_mtime)))
    return sorted(listed, key=lambda file: (file.room, file.age_seconds, file.path.name))


def clear_cache(room: str | None = None, older_than_days: float = 0.0) -> list[CachedFile]:
    """Delete files of the cache, or of one room, that were not used for so long; return those that are gone."""
    chosen = [file for file in cached_files(room) if file.age_seconds >= older_than_days * 86400]
    for file in chosen:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"{file.path} cannot be deleted: {error.strerror or error}.") from error
    return chosen


def _age(seconds: float) -> str:
    length, unit = next((one for one in _UNITS if seconds >= 2 * one[0]), (1, "seconds"))
    return f"{seconds / length:.0f} {unit}"


def _size(files: list[CachedFile]) -> str:
    from nlp_transfer.models.activation_cache.store import format_bytes

    return format_bytes(sum(file.size_bytes for file in files))


def _counted(files: list[CachedFile]) -> str:
    return f"{len(files)} {'file' if len(files) == 1 else 'files'}, {_size(files)}"
