"""Files that are whole or not there: written beside their place, synced, and moved into it.

A run that dies while it writes leaves the old file, or none, and a hidden rest, which the next to write there deletes:
who writes holds a lock on it, which the system takes back. JSON holds plain numbers: numpy's become Python's, and what
is not finite becomes null, because NaN is not JSON and other readers refuse the whole file.
"""

import contextlib
import errno
import glob
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nlp_transfer.data.disk import delete_unlocked, lock, open_locked
from nlp_transfer.errors import CheckpointError
from nlp_transfer.reading.paths import utf8_problem


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file to write; it takes its place when the block ends, and vanishes when the block fails."""
    place = Path(path)
    clear_rests(place)
    # Opened by name, not by mkstemp: its files are closed to the group whatever the user's umask says.
    beside = _beside(place)
    try:
        with open_locked(beside) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(place)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(place: Path) -> Iterator[Path]:
    """A folder to write; it becomes `place` when the block ends, and vanishes when the block fails.

    `place` must be absent or empty; hidden files in it stay.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    clear_rests(place)
    beside = _beside(place)
    beside.mkdir()
    held = os.open(beside, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            lock(held)
        yield beside
        try:
            beside.rename(place)  # an empty folder makes way
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            for item in sorted(beside.iterdir()):
                item.rename(place / item.name)
    finally:
        os.close(held)
        shutil.rmtree(beside, ignore_errors=True)


def clear_rests(place: Path) -> None:
    """Delete what processes that were killed left of writing `place`; what a living one writes is locked."""
    for rest in place.parent.glob(f".{glob.escape(place.name)}.*.tmp"):
        delete_unlocked(rest)


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}.tmp")


def empty_folder(path: str | os.PathLike[str], option: str) -> Path:
    """A folder to write to, if nothing is in it or it is not there; what is hidden does not count.

    Args:
        path: the folder.
        option: what named it, for messages.

    Raises:
        CheckpointError: it is a file, or holds something.
    """
    if not os.fspath(path):
        raise CheckpointError(f"{option} is empty; name a new folder.")
    if problem := utf8_problem(path):
        raise CheckpointError(f"{option}: {problem}")
    folder = Path(path).expanduser()
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{option} {folder} is a file; name a new folder.")
    held = sorted(item.name for item in folder.iterdir() if not item.name.startswith(".")) if folder.exists() else []
    if held:
        listed = ", ".join(held[:5]) + (", …" if len(held) > 5 else "")
        raise CheckpointError(f"{option} {folder} is not empty: {listed}. Nothing in it is touched; name a new folder.")
    return folder


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text at once."""
    with atomic_file(path) as file:
        file.write(text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write indented JSON at once; see `plain` for what becomes of values.

    Raises:
        TypeError: a value that JSON cannot hold.
    """
    write_text(path, json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """The value as JSON has it: dicts with string keys, lists, strings, finite numbers, booleans and null.

    Raises:
        TypeError: a value that JSON cannot hold.
    """
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        # A subclass (an enum's member, say) is written as what it is under its name.
        return value if type(value) in (bool, int, str, type(None)) else getattr(value, "value", value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted(plain(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    raise TypeError(f"JSON cannot hold a {type(value).__name__}: {value!r}.")


def json_line(row: Any) -> bytes:
    """A line of JSON Lines; see `plain`."""
    # Half a character, which JSON can hold and UTF-8 cannot, becomes the \udXXX that JSON writes for it.
    return json.dumps(plain(row), ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
