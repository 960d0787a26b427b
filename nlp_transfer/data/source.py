"""Interface of sources and formats: batches of untyped columns with row numbers, which data/validation types."""

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from nlp_transfer.errors import DataError

MAX_BATCH_ROWS = 2000
"""Maximum number of rows of a batch."""

MAX_BATCH_CHARACTERS = 8_000_000
"""Approximate maximum number of characters of a batch; bounds memory for long documents."""


@dataclass(frozen=True)
class FileSettings:
    """How to read a file.

    Args:
        encoding: encoding of text that is not UTF-8 and has no byte order mark; None detects Windows-1252.
        sheet: sheet of a workbook; None reads the first one.
        keep_broken: a row that cannot be read is a batch of its own, which has it as `broken`; else it is an error.
    """

    encoding: str | None = None
    sheet: str | None = None
    keep_broken: bool = False


@dataclass(frozen=True)
class BrokenRow:
    """A row that cannot be read, where the rows after it can.

    Args:
        place: file and row.
        problem: what is wrong, such as "broken JSON"; no sentence.
        advice: what to do, as sentences.

    Example:
        >>> print(BrokenRow("a.csv: row 3", "2 cells, but the header has 3", "Mend the row.").error())
        a.csv: row 3: 2 cells, but the header has 3. Mend the row.
    """

    place: str
    problem: str
    advice: str

    def error(self) -> DataError:
        """Return the error that names the row."""
        return DataError(f"{self.place}: {self.problem}. {self.advice}")


@dataclass(frozen=True)
class RowBatch:
    """Consecutive rows of one split.

    Args:
        first_row: number of the first row as an editor or spreadsheet counts (from 1; a CSV header is row 1).
        available: all columns that the source has in these rows.
        columns: the requested ones by their name in the source, as Python objects or Arrow arrays.
        unit: name of a row in messages: `line`, `object` or `row`.
        notes: what was detected in the file, as sentences.
        broken: the only row, if it cannot be read; there are no columns then.
    """

    first_row: int
    available: tuple[str, ...]
    columns: dict[str, list[Any] | pa.Array | pa.ChunkedArray]
    unit: str = "row"
    notes: tuple[str, ...] = ()
    broken: BrokenRow | None = None


@dataclass(frozen=True)
class RawSplit:
    """One split before its rows are checked.

    Args:
        where: name in messages: a file, or a split of a dataset.
        read: yields batches with the requested columns that the source has.
        identity: JSON values on which the content depends; None keeps the typed rows in memory.
        find_file: finds the files that rows name; None for rows that come without files.
    """

    where: str
    read: Callable[[Container[str]], Iterator[RowBatch]]
    identity: tuple[Any, ...] | None = None
    find_file: Callable[[str], Path] | None = None


@dataclass(frozen=True)
class CorpusReader:
    """Source of a corpus.

    Args:
        splits: by name from `SPLITS`, or one named `all` whose rows have no split yet.
    """

    origin: str
    splits: dict[str, RawSplit]
    label_names: list[str] | None = None
    notes: list[str] = field(default_factory=list)


def batches(
    records: Iterable[tuple[int, dict[str, Any] | BrokenRow]],
    wanted: Container[str],
    unit: str = "row",
    notes: tuple[str, ...] = (),
    *,
    keep_broken: bool = False,
) -> Iterator[RowBatch]:
    """Group records with their row numbers into batches of consecutive rows.

    An error of `records` is raised after the rows before it were yielded, and so is a broken row without `keep_broken`.

    Example:
        >>> records = [(1, {"text": "a", "page": 3}), (2, {"text": "b", "page": 4})]
        >>> next(batches(records, frozenset(["text"]))).columns
        {'text': ['a', 'b']}
    """
    rows: list[dict[str, Any]] = []
    available: dict[str, None] = {}
    first = expected = characters = 0
    try:
        for number, record in records:
            full = len(rows) >= MAX_BATCH_ROWS or characters >= MAX_BATCH_CHARACTERS
            if rows and (full or number != expected or isinstance(record, BrokenRow)):
                yield _batch(first, rows, available, unit, notes)
                rows, available, characters = [], {}, 0
            if isinstance(record, BrokenRow):
                if not keep_broken:
                    raise record.error()
                yield RowBatch(number, (), {}, unit, notes, record)
                continue
            if not rows:
                first = number
            expected = number + 1
            rows.append({name: value for name, value in record.items() if name in wanted})
            available.update(dict.fromkeys(record))
            characters += sum(len(value) for value in rows[-1].values() if isinstance(value, str))
    except DataError:
        if rows:
            yield _batch(first, rows, available, unit, notes)
        raise
    if rows:
        yield _batch(first, rows, available, unit, notes)


def _batch(
    first: int, rows: list[dict[str, Any]], available: dict[str, None], unit: str, notes: tuple[str, ...]
) -> RowBatch:
    """Make one batch; a record without a column has None there."""
    read = {name for row in rows for name in row}
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in available if name in read}
    return RowBatch(first, tuple(available), columns, unit, notes)
