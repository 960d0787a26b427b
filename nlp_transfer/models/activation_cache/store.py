"""Store frozen activations on disk: computed once, memory-mapped by later epochs, seeds and runs.

An entry is one file (models/activation_cache/entry.py), named by its key, which the caller makes of everything on which
the vectors depend. The folder keeps to a limit in bytes, files being written included: the least recently used entries
are deleted first, and stay mapped in processes that use them. Only the user may read them, for they reveal texts.
"""

import contextlib
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from nlp_transfer.errors import DataError
from nlp_transfer.files import cache_dir, make_private_folder
from nlp_transfer.models.activation_cache.entry import Entry, EntryWriter, entry_bytes, read_entry

ROOM = "activations"
"""Sub-folder of the cache."""

SUFFIX = ".act"

ABANDONED_SECONDS = 900.0
"""Age from which an unfinished file belongs to a dead process."""


class NotStoredError(DataError):
    """Signal an entry that cannot be stored, or states that cannot be used; work continues without."""


class ActivationStore:
    """Keep entries in a folder of limited size.

    Args:
        setting: setting of the limit, for messages.
    """

    def __init__(self, limit_bytes: int, folder: Path | None = None, setting: str = "limit_bytes") -> None:
        self.limit_bytes = limit_bytes
        self.folder = folder if folder is not None else cache_dir() / ROOM
        self.setting = setting

    def path(self, key: str) -> Path:
        """Return the path of a key's entry."""
        return self.folder / f"{key}{SUFFIX}"

    def read(self, key: str) -> Entry | None:
        """Return the entry of a key, which counts as used now; None if it is missing, damaged or foreign."""
        path = self.path(key)
        try:
            with _open_own(path) as file:
                entry = read_entry(file, path, key)
            if entry is not None:
                os.utime(path)
                return entry
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):  # ValueError: no JSON, or a size that cannot be mapped
            pass
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    @contextlib.contextmanager
    def writing(
        self, key: str, digests: np.ndarray, lengths: Sequence[int] | np.ndarray, width: int, dtype: str
    ) -> Iterator[EntryWriter]:
        """Make an entry inside the block; it appears when all is written. Raise `NotStoredError` if it cannot be."""
        starts = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype("<i8")
        size = entry_bytes(len(digests), int(starts[-1]), width, dtype)
        temporary: Path | None = None
        try:
            temporary = self._reserve(key, size)
            with temporary.open("r+b") as file:
                writer = EntryWriter(file, digests, starts, width, dtype)
                yield writer
                writer.finish(key)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path(key))
        except OSError as error:
            raise NotStoredError(f"{self.folder} cannot be written: {error.strerror or error}") from error
        finally:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    temporary.unlink()

    def check_fits(self, size: int) -> None:
        """Raise `NotStoredError` for a size that exceeds the limit."""
        if size > self.limit_bytes:
            raise NotStoredError(
                f"it would take {format_bytes(size)}, more than the {format_bytes(self.limit_bytes)} that "
                f"{self.setting} allows"
            )

    def _reserve(self, key: str, size: int) -> Path:
        """Make room, and create a file of the full size."""
        self.check_fits(size)
        make_private_folder(self.folder)
        try:
            with FileLock(self.folder / ".lock", timeout=10.0, mode=0o600):
                self._make_room(size)
                free = shutil.disk_usage(self.folder).free
                if free < size:
                    raise NotStoredError(
                        f"it would take {format_bytes(size)}, and {format_bytes(free)} are free in {self.folder}"
                    )
                temporary = self.folder / f"{key[:16]}-{uuid.uuid4().hex}.tmp"
                with os.fdopen(os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b") as file:
                    file.truncate(size)  # counts towards the limit from now on
                return temporary
        except Timeout as error:
            raise NotStoredError(f"{self.folder} is locked by another run") from error

    def _make_room(self, size: int) -> None:
        """Delete abandoned files, then the least recently used entries, until `size` more bytes fit."""
        now, kept = time.time(), []
        for path in [*self.folder.glob("*.tmp"), *self.folder.glob(f"*{SUFFIX}")]:
            with contextlib.suppress(FileNotFoundError):  # another run was faster
                state = path.stat()
                if path.suffix == SUFFIX or now - state.st_mtime < ABANDONED_SECONDS:
                    kept.append((state.st_mtime, state.st_size, path))
                else:
                    path.unlink()
        total = sum(taken for _, taken, _ in kept)
        for _, taken, path in sorted(kept):
            if total + size <= self.limit_bytes:
                return
            if path.suffix == SUFFIX:
                path.unlink(missing_ok=True)
                total -= taken
        if total + size > self.limit_bytes:
            raise NotStoredError(f"other runs are writing {format_bytes(total)} to {self.folder} now")


def format_bytes(count: float) -> str:
    """Return a size in decimal units.

    Example:
        >>> format_bytes(1_234_567)
        '1.2 MB'
    """
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _open_own(path: Path) -> BinaryIO:
    """Open a regular file of the user, not the target of a link; raise `ValueError` for others."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or (hasattr(os, "getuid") and state.st_uid != os.getuid()):
        os.close(descriptor)
        raise ValueError(f"{path} is not a file of this user's.")
    return os.fdopen(descriptor, "rb")
