"""Texts known by what an encoder reads of them: what was computed of one is found again in any order of rows.

A text's digest is taken over its token ids, and its token types where they are not all 0; padding is left out.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

DIGEST = "S16"
"""NumPy's type of a digest: 16 bytes."""


@dataclass(frozen=True)
class UniqueTexts:
    """The different texts of some rows.

    Args:
        digests: sorted, type `DIGEST`, shape (texts,).
        lengths: tokens of each, int64.
        ids: token ids of each, int32, shape (tokens,).
        types: token types of each, or None where they are all 0.
    """

    digests: np.ndarray
    lengths: np.ndarray
    ids: list[np.ndarray]
    types: list[np.ndarray | None]


def text_digest(ids: np.ndarray, types: np.ndarray | None = None) -> bytes:
    """The digest of one text, 16 bytes.

    Args:
        ids: token ids without padding, shape (tokens,).
        types: token types, shape (tokens,).
    """
    digest = hashlib.blake2b(np.ascontiguousarray(ids, dtype="<i4").tobytes(), digest_size=16)
    if types is not None and np.any(types):
        digest.update(np.ascontiguousarray(types, dtype="<i4").tobytes())
    return digest.digest()


def row_digests(dataset: Any) -> np.ndarray:
    """The digest of every row, in order; shape (rows,), type `DIGEST`.

    Args:
        dataset: rows with `input_ids`, and perhaps `attention_mask` and `token_type_ids`.

    Raises:
        ValueError: a row is padded elsewhere than at its end.
    """
    return np.array([text_digest(ids, types) for ids, types in _texts([dataset])], dtype=DIGEST)


def unique_texts(datasets: Iterable[Any]) -> UniqueTexts:
    """The different texts of several datasets.

    Raises:
        ValueError: a row is padded elsewhere than at its end.
    """
    known: dict[bytes, tuple[np.ndarray, np.ndarray | None]] = {}
    for ids, types in _texts(datasets):
        known.setdefault(text_digest(ids, types), (ids, types))
    digests = np.array(list(known), dtype=DIGEST)
    texts = list(known.values())
    order = np.argsort(digests)
    return UniqueTexts(
        digests[order],
        np.array([len(texts[index][0]) for index in order], dtype=np.int64),
        [texts[index][0] for index in order],
        [texts[index][1] for index in order],
    )


def _texts(datasets: Iterable[Any]) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """(token ids, token types where not all 0) of every row, without padding."""
    for dataset in datasets:
        rows = dataset
        if hasattr(dataset, "select_columns"):
            read = ("input_ids", "attention_mask", "token_type_ids")
            rows = dataset.select_columns([name for name in read if name in dataset.column_names])
        for number in range(len(rows)):
            row = rows[number]
            ids = np.asarray(row["input_ids"], dtype=np.int32)
            mask = row.get("attention_mask")
            length = len(ids) if mask is None else int(np.asarray(mask).sum())
            if mask is not None and not np.asarray(mask)[:length].all():
                raise ValueError(f"Row {number} is padded before its end.")
            types = row.get("token_type_ids")
            types = None if types is None or not np.any(types) else np.asarray(types, dtype=np.int32)[:length]
            yield ids[:length], types
