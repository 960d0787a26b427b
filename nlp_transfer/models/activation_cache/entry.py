"""Read and write entries of the activation cache: the vectors of many texts, looked up by digest.

magic | header: JSON, HEADER_BYTES with padding | digests (texts) | starts (texts + 1) | values (vectors, width)
"""

import hashlib
import json
import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from nlp_transfer.files import CACHE_VERSION
from nlp_transfer.models.activation_cache.digests import DIGEST

HEADER_BYTES = 4096

STORED_TYPES = {"float32": "<f4", "float16": "<f2", "bfloat16": "<u2"}
"""PyTorch types by name, with NumPy types of their bytes; bfloat16 is stored as integers."""

_MAGIC = b"NLPTACT1"


@dataclass(frozen=True)
class Entry:
    """Hold the vectors of texts, memory-mapped.

    Args:
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


class EntryWriter:
    """Write an entry into a file of its full size (`entry_bytes`), with texts in any order; see `Entry`."""

    def __init__(self, file: BinaryIO, digests: np.ndarray, starts: np.ndarray, width: int, dtype: str) -> None:
        self._file, self._starts, self._width, self._dtype = file, starts, width, dtype
        self._type = np.dtype(STORED_TYPES[dtype])
        self._begin, self._size = _layout(len(digests), int(starts[-1]), width, dtype)
        self._written = np.zeros(len(digests), dtype=bool)
        file.seek(HEADER_BYTES)
        file.write(digests.tobytes() + starts.tobytes())

    def put(self, text: int, vectors: np.ndarray) -> None:
        """Write the vectors of one text, shape (vectors, width)."""
        expected = (int(self._starts[text + 1] - self._starts[text]), self._width)
        if vectors.shape != expected or vectors.dtype != self._type:
            raise ValueError(f"Text {text} has {vectors.dtype} {vectors.shape}; announced was {self._type} {expected}.")
        self._file.seek(self._begin + int(self._starts[text]) * self._width * self._type.itemsize)
        self._file.write(np.ascontiguousarray(vectors).data)
        self._written[text] = True

    def finish(self, key: str) -> None:
        """Write the header; all texts must be written."""
        if not self._written.all():
            raise ValueError(f"{int((~self._written).sum())} of {len(self._written)} texts were not written.")
        self._file.flush()
        header = {
            "version": CACHE_VERSION,
            "key": key,
            "texts": len(self._written),
            "shape": [int(self._starts[-1]), self._width],
            "dtype": self._dtype,
            "bytes": self._size,
            "sha256": _sha256_of_rest(self._file),
        }
        self._file.seek(0)
        self._file.write(_MAGIC + json.dumps(header).encode().ljust(HEADER_BYTES - len(_MAGIC)))
        self._file.flush()


def entry_bytes(texts: int, vectors: int, width: int, dtype: str) -> int:
    """Return the size of an entry's file in bytes, of so many texts and vectors in all."""
    return _layout(texts, vectors, width, dtype)[1]


def _layout(texts: int, vectors: int, width: int, dtype: str) -> tuple[int, int]:
    """Return (offset of the values, size of the file), in bytes."""
    begin = HEADER_BYTES + texts * np.dtype(DIGEST).itemsize + (texts + 1) * 8
    return begin, begin + vectors * width * np.dtype(STORED_TYPES[dtype]).itemsize


def read_entry(file: BinaryIO, path: Path, key: str) -> Entry | None:
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
    file.seek(HEADER_BYTES)
    return hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
