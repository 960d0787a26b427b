"""Read and write files: atomic writes, JSON, digests, locks, private files and the cache folder.

An atomic write goes to a temporary file that is synced and renamed, so that a killed process leaves the old file or
none.
"""

import contextlib
import errno
import functools
import glob
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nlp_transfer.errors import CheckpointError, DataError, format_value

CACHE_VARIABLE = "NLP_TRANSFER_CACHE"
"""Environment variable that names the cache folder."""

CACHE_VERSION = 4
"""Part of every cache key. Increase it when the content of cache files changes."""


def cache_dir() -> Path:
    """Return the cache folder: `$NLP_TRANSFER_CACHE`, else `nlp_transfer` in the datasets library's cache."""
    import datasets

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(datasets.config.HF_DATASETS_CACHE) / "nlp_transfer"


def cache_key(*parts: Any) -> str:
    """Return the SHA-256 (hex) of settings that JSON can hold."""
    return hashlib.sha256(json.dumps([CACHE_VERSION, *parts], sort_keys=True).encode()).hexdigest()


def utf8_problem(path: str | os.PathLike[str]) -> str | None:
    """Return a problem text for a path that is not UTF-8; None for one that is."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return f"the name {format_value(os.fspath(path))} is not UTF-8, as files are written here. Rename it, in UTF-8."
    return None


def encoding_problem(name: str) -> str | None:
    """Return a problem text for a name that is no encoding of text; None for one that is.

    Example:
        >>> encoding_problem("cp1252"), encoding_problem("ansi-1")
        (None, "'ansi-1' is no encoding that Python knows; expected one such as cp1252, utf-16 or mac_roman.")
    """
    try:
        "".encode(name)
        return None
    except (LookupError, ValueError):
        return f"{name!r} is no encoding that Python knows; expected one such as cp1252, utf-16 or mac_roman."


def check_empty_folder(path: str | os.PathLike[str], option: str) -> Path:
    """Return the path of a new or empty folder, hidden files apart; `option` names it in the CheckpointError."""
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


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of reading into a `DataError` that names the file, or `path` if the system names none."""
    try:
        yield
    except OSError as error:
        raise read_error(error.filename or path, error) from error


def read_error(path: object, error: OSError) -> DataError:
    """Return the `DataError` for a path that the system does not let be read."""
    advice = "Check that it is there and whole, or name another."
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = "Get the right to read it (`ls -ld` shows who has it; a folder needs r and x), or name another."
    return DataError(f"{path} cannot be read: {error.strerror or error}. {advice}")


def files_under(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder at any depth; see `entries_under`."""
    return (path for path in entries_under(folder) if path.is_file())


def entries_under(folder: Path) -> Iterator[Path]:
    """Yield the files, folders, pipes and links of a folder at any depth; links to folders are not followed."""

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, others in os.walk(folder, onerror=refuse):
        yield from (Path(parent) / name for name in (*folders, *others))


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file, kept for the process while its size and times of change stay the same."""
    return _digest(*file_state(path))


def file_state(path: Path) -> tuple[Path, int, int, int, int]:
    """Return the real path of a file, its size, its times of change and its inode, which change with its content."""
    status = path.stat()
    return path.resolve(), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


@functools.lru_cache(maxsize=100_000)
def _digest(path: Path, *_state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock(descriptor: int) -> None:
    """Lock an open file or folder until it is closed or its process ends; raise OSError where that cannot be."""
    if os.name != "posix":
        raise OSError(errno.ENOLCK, "no locks of this kind here")
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def open_locked(path: Path, mode: int = 0o666) -> BinaryIO:
    """Open a temporary file for writing, locked; again where another process took it for abandoned before."""
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        file = os.fdopen(os.open(path, flags, mode), "wb")
        with contextlib.suppress(OSError):  # a disk without locks: nothing there is taken for abandoned
            lock(file.fileno())
        if path.exists():
            return file
        file.close()


def delete_unlocked(path: Path) -> None:
    """Delete a temporary file or folder unless a living process holds its `lock`."""
    with contextlib.suppress(OSError):
        held = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            lock(held)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(held)


def make_private_folder(path: Path) -> Path:
    """Make a folder that only its owner can open, or restrict an existing one to its owner."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a binary file that replaces `path` when the block ends, and is deleted when the block fails."""
    place = Path(path)
    clear_leftovers(place)
    # Opened by name, not by mkstemp: its files are closed to the group whatever the user's umask is.
    temporary = _temporary_path(place)
    try:
        with open_locked(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_folder(place: Path) -> Iterator[Path]:
    """Make a folder that becomes `place` when the block ends, and is deleted when the block fails.

    `place` must be absent or empty; hidden files in it stay.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(place)
    temporary = _temporary_path(place)
    temporary.mkdir()
    held = os.open(temporary, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            lock(held)
        yield temporary
        try:
            temporary.rename(place)  # an empty folder makes way
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            for item in sorted(temporary.iterdir()):
                item.rename(place / item.name)
    finally:
        os.close(held)
        shutil.rmtree(temporary, ignore_errors=True)


def clear_leftovers(place: Path) -> None:
    """Delete the temporary files of killed processes that were writing `place`."""
    for rest in place.parent.glob(f".{glob.escape(place.name)}.*.tmp"):
        delete_unlocked(rest)


def _temporary_path(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}.tmp")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_file(path) as file:
        file.write(text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write indented JSON atomically; values are converted by `to_json_value`."""
    write_text(path, json.dumps(to_json_value(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def to_json_value(value: Any) -> Any:
    """Convert a value to dicts with string keys, lists, strings, finite numbers, booleans and None.

    Example:
        >>> import numpy as np
        >>> to_json_value({"scores": np.array([0.5, np.nan]), "classes": {"b", "a"}})
        {'scores': [0.5, None], 'classes': ['a', 'b']}
    """
    import numpy as np

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
        return {str(to_json_value(key)): to_json_value(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted(to_json_value(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [to_json_value(item) for item in value]
    raise TypeError(f"JSON cannot hold a {type(value).__name__}: {value!r}.")


def json_line(row: Any) -> bytes:
    r"""Return a value as a line of JSON Lines; it is converted by `to_json_value`.

    Example:
        >>> json_line({"id": 1, "text": "é"})
        b'{"id": 1, "text": "\xc3\xa9"}\n'
    """
    # Half a character, which JSON can hold and UTF-8 cannot, becomes the \udXXX that JSON writes for it.
    return (
        json.dumps(to_json_value(row), ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace") + b"\n"
    )


def read_json(place: Path, *, missing_ok: bool = False) -> dict[str, Any]:
    """Read the object in a JSON file of a run; an empty one where the file is missing and `missing_ok`."""
    try:
        tree = json.loads(place.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        if missing_ok and isinstance(error, FileNotFoundError):
            return {}
        raise CheckpointError(f"{place} cannot be read ({error}). Take it from a copy of the run.") from error
    if not isinstance(tree, dict):
        raise CheckpointError(
            f"{place} holds {format_value(tree)}; expected an object. Take it from a copy of the run."
        )
    return tree
