"""List and clear the caches: corpora, tokens and activations.

Each is a room, a folder of its own. All of it is derived from texts and can be made again; files that the cache did not
write are neither listed nor deleted. Who reads a file that is deleted keeps what is mapped.
"""

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from nlp_transfer.errors import DataError, did_you_mean
from nlp_transfer.files import cache_dir, read_errors
from nlp_transfer.models.activation_cache.store import ROOM, SUFFIX, format_bytes

ROOMS = ("corpora", "tokens", ROOM)
"""Rooms of the cache; one that nothing was written to is empty."""

_OURS = re.compile(
    rf"[0-9a-f]{{16}}([0-9a-f]{{48}}|-[0-9a-f]{{32}})(\.arrow|\.json|\.tmp|{re.escape(SUFFIX)})|tmp\w{{8}}"
)
"""Names of the cache's files: keys, and what is being written; the last is the datasets library's for the latter."""

_UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


@dataclass(frozen=True)
class CachedFile:
    """A file of the cache.

    Args:
        path: where.
        room: the folder that it is in.
        size_bytes: its size.
        age_seconds: since it was written, or, in `activations`, used.
    """

    path: Path
    room: str
    size_bytes: int
    age_seconds: float


def cached_files(room: str | None = None) -> list[CachedFile]:
    """The cache's files by room, the ones used last first.

    Args:
        room: only of this one.

    Raises:
        DataError: there is no such room, or a folder cannot be read.
    """
    found, now = [], time.time()
    with read_errors(cache_dir()):
        rooms = sorted(path for path in cache_dir().iterdir() if path.is_dir()) if cache_dir().exists() else []
        names = [path.name for path in rooms]
        if room is not None and room not in (*names, *ROOMS):
            raise DataError(f"{cache_dir()}: {did_you_mean('room', room, names)}")
        for folder in rooms:
            if room not in (None, folder.name):
                continue
            for path in folder.iterdir():
                with contextlib.suppress(FileNotFoundError):  # a run has just moved it
                    if _OURS.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                        state = path.stat()
                        age = max(0.0, now - state.st_mtime)
                        found.append(CachedFile(path, folder.name, state.st_size, age))
    return sorted(found, key=lambda file: (file.room, file.age_seconds, file.path.name))


def clear_cache(room: str | None = None, older_than_days: float = 0.0) -> list[CachedFile]:
    """Delete the cache's files. Returns those that are gone.

    Args:
        room: only of this one.
        older_than_days: only those not written, or used, for so long.

    Raises:
        DataError: there is no such room, or the system refuses.
    """
    chosen = [file for file in cached_files(room) if file.age_seconds >= older_than_days * 86400]
    for file in chosen:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"{file.path} cannot be deleted: {error.strerror or error}.") from error
    return chosen


def describe_cache(files: list[CachedFile]) -> str:
    """Return the cache's folder, each room's size, and each file's size and age, as text."""
    if not files:
        return f"{cache_dir()} holds nothing."
    lines = [f"{cache_dir()}: {_counted(files)}"]
    for room in dict.fromkeys(file.room for file in files):
        inside = [file for file in files if file.room == room]
        lines.append(f"  {room}: {_counted(inside)}")
        lines += [
            f"    {format_bytes(f.size_bytes):>10}  {shown_age(f.age_seconds):>12}  {f.path.name}" for f in inside
        ]
    return "\n".join(lines)


def shown_age(seconds: float) -> str:
    """An age for people.

    >>> shown_age(7300)
    '2 hours'
    """
    for length, unit in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _counted(files: list[CachedFile]) -> str:
    return f"{len(files)} {'file' if len(files) == 1 else 'files'}, {format_bytes(sum(f.size_bytes for f in files))}"
