"""Identify texts by their tokens, so that stored activations are found in any order of rows.

A text's digest is taken over its token ids, and its token types if they are not all 0, without padding.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_BATCH_ROWS = 100

DIGEST = "S16"
"""NumPy type of a digest: 16 bytes."""

TEXT_COLUMNS = ("input_ids", "attention_mask", "token_type_ids")
"""Columns that identify a text."""

PIXELS = "pixels"
"""Column that identifies an image."""


@dataclass(frozen=True)
class UniqueTexts:
    """Hold the distinct texts of some datasets by sorted digests; `places` are (dataset, row), (texts, 2)."""

    digests: np.ndarray
    lengths: np.ndarray
    typed: np.ndarray
    places: np.ndarray
    datasets: Sequence[Any]

    def read(self, text: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return (token ids, token types if not all 0) of a text; int32, shape (tokens,)."""
        dataset, row = self.places[text].tolist()
        return _text(self.datasets[dataset][row], row)


def text_digest(ids: np.ndarray, types: np.ndarray | None = None) -> bytes:
    """Return the digest of one text, 16 bytes, of its token ids without padding and its token types."""
    digest = hashlib.blake2b(np.ascontiguousarray(ids, dtype="<i4").tobytes(), digest_size=16)
    if types is not None and np.any(types):
        digest.update(np.ascontiguousarray(types, dtype="<i4").tobytes())
    return digest.digest()


def row_digests(dataset: Any) -> np.ndarray:
    """Return the digest of every row, in order; raise `ValueError` for one that is padded before its end."""
    if PIXELS in getattr(dataset, "column_names", ()):
        images = (one for batch in dataset.select_columns([PIXELS]).iter(_BATCH_ROWS) for one in batch[PIXELS])
        return np.array([hashlib.blake2b(one, digest_size=16).digest() for one in images], dtype=DIGEST)
    return np.array([text_digest(ids, types) for ids, types in _texts(dataset)], dtype=DIGEST)


def unique_texts(datasets: Sequence[Any]) -> UniqueTexts:
    """Return the distinct texts of several datasets."""
    known: dict[bytes, tuple[int, int, int, bool]] = {}
    for number, dataset in enumerate(datasets):
        for row, (ids, types) in enumerate(_texts(dataset)):
            known.setdefault(text_digest(ids, types), (number, row, len(ids), types is not None))
    digests = np.array(list(known), dtype=DIGEST)
    order = np.argsort(digests)
    facts = np.array(list(known.values()), dtype=np.int64).reshape(-1, 4)[order]
    return UniqueTexts(digests[order], facts[:, 2], facts[:, 3].astype(bool), facts[:, :2], datasets)


def _texts(dataset: Any) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield (token ids, token types if not all 0) of every row, without padding."""
    if not hasattr(dataset, "select_columns"):
        yield from (_text(dataset[number], number) for number in range(len(dataset)))
        return
    names = [name for name in TEXT_COLUMNS if name in dataset.column_names]
    batches = dataset.select_columns(names).with_format("numpy").iter(batch_size=1000)
    rows = (values for batch in batches for values in zip(*(batch[name] for name in names), strict=True))
    for number, values in enumerate(rows):
        yield _text(dict(zip(names, values, strict=True)), number)


def _text(row: Mapping[str, Any], number: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return (token ids, token types if not all 0) of a row, without padding."""
    ids = np.asarray(row["input_ids"], dtype=np.int32)
    mask = row.get("attention_mask")
    length = len(ids) if mask is None else int(np.asarray(mask).sum())
    if mask is not None and not np.asarray(mask)[:length].all():
        raise ValueError(f"Row {number} is padded before its end.")
    types = row.get("token_type_ids")
    types = None if types is None or not np.any(types) else np.asarray(types, dtype=np.int32)[:length]
    return ids[:length], types
