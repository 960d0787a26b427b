"""What every source of rows speaks: batches of untyped columns that know which rows they are.

A format or source yields `RowBatch`es; `data/validation/columns.py` checks and types them in one place, so that a fault
reads the same whatever file it is in.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nlp_transfer.errors import DataError

MAX_BATCH_ROWS = 2000
"""Rows a batch at most."""

MAX_BATCH_CHARACTERS = 8_000_000
"""Characters a batch, about: long documents make shorter batches, so that memory stays bounded."""


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of one split.

    Args:
        first_row: what an editor or a spreadsheet calls the first one's row (from 1; a CSV header is row 1).
        found: every column that the source has here, wanted or not.
        columns: the wanted ones among them, theirs by name; lists of Python objects or Arrow arrays of equal length.
        unit: what a row is in the source: a `line`, an `object`, or a `row`.
    """

    first_row: int
    found: tuple[str, ...]
    columns: dict[str, list[Any] | pa.Array | pa.ChunkedArray]
    unit: str = "row"


@dataclass(frozen=True)
class RawSplit:
    """One split before its rows are checked.

    Args:
        where: what messages call it: a file, or a split of a dataset.
        read: yields batches that hold the named columns, where the source has them.
        identity: what its content depends on, as JSON can hold it; None keeps the typed rows in memory.
    """

    where: str
    read: Callable[[frozenset[str]], Iterator[RowBatch]]
    identity: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class CorpusReader:
    """Everything that a corpus is made from.

    Args:
        origin: where it comes from, for a report.
        splits: by `SPLITS` name, or one named `all` whose rows belong to no split yet.
        label_names: the classes, where the source itself knows them; integers index it.
        notes: what was left out so far, and why.
    """

    origin: str
    splits: dict[str, RawSplit]
    label_names: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def batches(
    records: Iterable[tuple[int, dict[str, Any]]], wanted: frozenset[str], unit: str = "row"
) -> Iterator[RowBatch]:
    """Group records with their row numbers into batches of consecutive rows.

    Args:
        records: row number and values by column.
        wanted: the columns to keep.
        unit: see `RowBatch`.

    Raises:
        DataError: what `records` raises, once the rows before it are handed on.
    """
    rows: list[dict[str, Any]] = []
    found: dict[str, None] = {}
    first = expected = characters = 0
    fault: DataError | None = None
    try:
        for number, record in records:
            if rows and (number != expected or len(rows) >= MAX_BATCH_ROWS or characters >= MAX_BATCH_CHARACTERS):
                yield _batch(first, rows, found, wanted, unit)
                rows, found, characters = [], {}, 0
            if not rows:
                first = number
            expected = number + 1
            rows.append({name: value for name, value in record.items() if name in wanted})
            found.update(dict.fromkeys(record))
            characters += sum(len(value) for value in rows[-1].values() if isinstance(value, str))
    except DataError as error:
        fault = error
    if rows:
        yield _batch(first, rows, found, wanted, unit)
    if fault is not None:
        raise fault


def _batch(
    first: int, rows: list[dict[str, Any]], found: dict[str, None], wanted: frozenset[str], unit: str
) -> RowBatch:
    """One batch; a record without a column has None there."""
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in found if name in wanted}
    return RowBatch(first, tuple(found), columns, unit)
