"""Store of frozen activations on disk: computed once, memory-mapped by later epochs, seeds and runs.

An entry is one file with the vectors of many texts, looked up by digest (models/activation_cache/digests.py). Its name
is its key, which the caller makes of everything on which the vectors depend.

    magic | header: JSON, HEADER_BYTES with padding | digests (texts) | starts (texts + 1) | values (vectors, width)

A file is written under a temporary name and renamed; its header holds size and SHA-256 of the rest, so that a damaged
or foreign file is never read. Two runs that make the same entry both write it, and the later one replaces the other.
The folder keeps to a limit in bytes, files being written included: the least recently used entries are deleted first,
and stay mapped where they are in use. Vectors reveal something of the texts, so that only the user may read them.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from nlp_transfer.errors import DataError
from nlp_transfer.files import CACHE_VERSION, cache_dir, make_private_folder
from nlp_transfer.models.activation_cache.digests import DIGEST

ROOM = "activations"
"""Sub-folder of the cache."""

SUFFIX = ".act"

ABANDONED_SECONDS = 900.0
"""Age from which an unfinished file without writes belongs to a dead process."""

LOCK_TIMEOUT_SECONDS = 10.0
"""Seconds to wait for others to make room."""

HEADER_BYTES = 4096

STORED_TYPES = {"float32": "<f4", "float16": "<f2", "bfloat16": "<u2"}
"""PyTorch types by name, with NumPy types of their bytes; bfloat16 is stored as integers."""

_MAGIC = b"NLPTACT1"
_CHUNK_BYTES = 1 << 22


class NotStoredError(DataError):
    """Entry that does not fit or cannot be written; work continues without it."""


@dataclass(frozen=True)
class Entry:
    """Vectors of texts, memory-mapped.

    Args:
        path: the file.
        digests: of the texts, sorted, type `DIGEST`.
        starts: first vector of each text, and the end; shape (texts + 1,).
        values: all vectors, shape (vectors, width), read-only; bfloat16 as integers.
        dtype: the values' type, a key of `STORED_TYPES`.
    """

    path: Path
    digests: np.ndarray
    starts: np.ndarray
    values: np.ndarray
    dtype: str

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return HEADER_BYTES + self.digests.nbytes + self.starts.nbytes + self.values.nbytes

    def find(self, digests: np.ndarray) -> np.ndarray | None:
        """Return the places of texts; None unless all are here."""
        if not len(self.digests):
            return None
        places = np.minimum(np.searchsorted(self.digests, digests), len(self.digests) - 1)
        return places if bool((self.digests[places] == digests).all()) else None

    def vectors(self, text: int) -> np.ndarray:
        """Return the vectors of one text, shape (vectors, width)."""
        return self.values[self.starts[text] : self.starts[text + 1]]


class Writer:
    """Writer of an entry, with texts in any order; from `ActivationStore.writing`."""

    def __init__(self, file: BinaryIO, begin: int, starts: np.ndarray, width: int, dtype: str) -> None:
        self._file, self._begin, self._starts, self._width = file, begin, starts, width
        self._type = np.dtype(STORED_TYPES[dtype])
        self._written = np.zeros(len(starts) - 1, dtype=bool)

    def put(self, text: int, vectors: np.ndarray) -> None:
        """Write the vectors of one text, shape (vectors, width).

        Raises:
            ValueError: the shape or type is another than announced.
            OSError: the disk is full.
        """
        expected = (int(self._starts[text + 1] - self._starts[text]), self._width)
        if vectors.shape != expected or vectors.dtype != self._type:
            raise ValueError(f"Text {text} has {vectors.dtype} {vectors.shape}; announced was {self._type} {expected}.")
        self._file.seek(self._begin + int(self._starts[text]) * self._width * self._type.itemsize)
        self._file.write(np.ascontiguousarray(vectors).data)
        self._written[text] = True

    def check(self) -> None:
        """Raise `ValueError` for texts that were not written."""
        if not self._written.all():
            raise ValueError(f"{int((~self._written).sum())} of {len(self._written)} texts were not written.")


class ActivationStore:
    """Entries in a folder of limited size.

    Args:
        limit_bytes: maximum size of all entries.
        folder: None is `activations` in the cache's folder (data/cache.py).
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
                entry = _read(file, path, key)
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
    ) -> Iterator[Writer]:
        """Make an entry inside the block; it appears when all is written, and never after an error.

        Args:
            key: hexadecimal digits.
            digests: of the texts, sorted.
            lengths: number of vectors of each text.
            width: numbers of a vector.
            dtype: a key of `STORED_TYPES`.

        Raises:
            NotStoredError: it exceeds the limit, the disk is full, or the folder cannot be written.
        """
        starts = np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype("<i8")
        begin, size = _layout(len(digests), int(starts[-1]), width, dtype)
        temporary: Path | None = None
        try:
            temporary = self._reserve(key, size)
            with temporary.open("r+b") as file:
                file.seek(HEADER_BYTES)
                file.write(digests.tobytes() + starts.tobytes())
                writer = Writer(file, begin, starts, width, dtype)
                yield writer
                writer.check()
                file.flush()
                header = {
                    "version": CACHE_VERSION,
                    "key": key,
                    "texts": len(digests),
                    "shape": [int(starts[-1]), width],
                    "dtype": dtype,
                    "bytes": size,
                    "sha256": _sha256_of_rest(file),
                }
                file.seek(0)
                file.write(_MAGIC + json.dumps(header).encode().ljust(HEADER_BYTES - len(_MAGIC)))
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
        """Raise `NotStoredError` for a size that exceeds the limit.

        Raises:
            NotStoredError: says both.
        """
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
            with FileLock(self.folder / ".lock", timeout=LOCK_TIMEOUT_SECONDS, mode=0o600):
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


def entry_bytes(texts: int, vectors: int, width: int, dtype: str) -> int:
    """Return the size of an entry's file in bytes.

    Args:
        texts: number of texts.
        vectors: number of vectors of all texts.
        width: numbers of a vector.
        dtype: a key of `STORED_TYPES`.
    """
    return _layout(texts, vectors, width, dtype)[1]


def _layout(texts: int, vectors: int, width: int, dtype: str) -> tuple[int, int]:
    """Return (offset of the values, size of the file), in bytes."""
    begin = HEADER_BYTES + texts * np.dtype(DIGEST).itemsize + (texts + 1) * 8
    return begin, begin + vectors * width * np.dtype(STORED_TYPES[dtype]).itemsize


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
    """Open a regular file of the user, not the target of a link; raise `ValueError` for others.

    Raises:
        ValueError: it is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or (hasattr(os, "getuid") and state.st_uid != os.getuid()):
        os.close(descriptor)
        raise ValueError(f"{path} is not a file of this user's.")
    return os.fdopen(descriptor, "rb")


def _read(file: BinaryIO, path: Path, key: str) -> Entry | None:
    """Return the entry in a file; None if a size, key or digest is wrong."""
    head = file.read(HEADER_BYTES)
    if not head.startswith(_MAGIC):
        return None
    header: dict[str, Any] = json.loads(head[len(_MAGIC) :])
    texts, (vectors, width), dtype = int(header["texts"]), header["shape"], header["dtype"]
    stored = np.dtype(STORED_TYPES[dtype])
    begin, size = _layout(texts, int(vectors), int(width), dtype)
    if (header["version"], header["key"], header["bytes"]) != (CACHE_VERSION, key, size):
        return None
    if os.fstat(file.fileno()).st_size != size or _sha256_of_rest(file) != header["sha256"]:
        return None
    file.seek(HEADER_BYTES)
    digests = np.frombuffer(file.read(texts * np.dtype(DIGEST).itemsize), dtype=DIGEST)
    starts = np.frombuffer(file.read((texts + 1) * 8), dtype="<i8")
    empty = int(vectors) * int(width) == 0  # which cannot be mapped
    values = np.empty((vectors, width), stored) if empty else np.memmap(file, stored, "r", begin, (vectors, width))
    return Entry(path, digests, starts, values, dtype)


def _sha256_of_rest(file: BinaryIO) -> str:
    """Return the SHA-256 (hex) of everything after the header."""
    digest = hashlib.sha256()
    file.seek(HEADER_BYTES)
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
