"""Read CSV and TSV files with a header line; `""` inside quotes is a quote.

Row N is the spreadsheet's row N: the header is row 1. Every cell is a string: "NA" and "null" are words. The header
shows the separator, or a line `sep=;` before it, as Excel takes it; cells under an empty heading are not read.
"""

import contextlib
import csv
import itertools
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import MAX_ROW_BYTES, encoding_notes, text_lines
from nlp_transfer.data.source import BrokenRow, FileSettings, RowBatch, batches
from nlp_transfer.errors import DataError

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE_LINES = 50


def read_csv(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read separated values.

    Raises:
        DataError: unreadable (see `text_chunks`), a bad header, broken quotes, or a row with too many or too few cells.
    """
    return _read(path, wanted, settings, ",")


def read_tsv(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read tab-separated values; raises what `read_csv` raises."""
    return _read(path, wanted, settings, "\t")


def _read(path: Path, wanted: Container[str], settings: FileSettings, usual: str) -> Iterator[RowBatch]:
    """Yield the rows, after the separator was detected."""
    csv.field_size_limit(MAX_ROW_BYTES)  # Python's own limit of 131,072 is less than a contract
    lines = (line for _, line in text_lines(path, settings.encoding))
    start = [next(lines, "")]
    named = re.fullmatch(r"sep=(.)\r?\n?", start[0], re.IGNORECASE)
    if named:
        start = []
    else:
        while not start[-1].strip() and (line := next(lines, "")):
            start.append(line)
        if sum(separator in start[-1] for separator in _SEPARATORS) > 1:  # the next lines show which
            start += itertools.islice(lines, _SAMPLE_LINES)
    separator = named.group(1) if named else _separator(start, usual)
    notes = encoding_notes(path, settings.encoding)
    if separator != usual:
        notes += (f"{path.name}: cells are separated by {_name(separator)}s.",)
    records = _records(path, itertools.chain(start, lines), separator, skipped=1 if named else 0)
    yield from batches(records, wanted, notes=notes, keep_broken=settings.keep_broken)


def _separator(start: list[str], usual: str) -> str:
    """Return the separator of the first lines: no quotes are left in the header, rows have as many cells, and most.

    Example:
        >>> _separator(["text;label, checked\\n", "one and two;a\\n"], ",")
        ';'
    """
    header = next((line for line in start if line.strip()), "")
    present = [separator for separator in dict.fromkeys([usual, *_SEPARATORS]) if separator in header]

    def fit(separator: str) -> tuple[bool, bool, int]:
        rows: list[list[str]] = []
        with contextlib.suppress(csv.Error):  # such as the end of the lines within quotes
            for cells in csv.reader(start, delimiter=separator, strict=True):
                rows += [cells] if cells else []
        head = rows[0] if rows else ['"']
        return not any('"' in cell for cell in head), all(len(cells) == len(head) for cells in rows), len(head)

    return max(present, key=fit, default=usual)


def _records(
    path: Path, lines: Iterator[str], delimiter: str, skipped: int
) -> Iterator[tuple[int, dict[str, Any] | BrokenRow]]:
    """Yield (row number, cells by column).

    Args:
        skipped: number of lines before the first of `lines`.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if not cells:
                continue  # a blank line holds no row
            if header is None:
                header = check_header(path, number, cells)
                continue
            if len(cells) != len(header):
                problem = f"{len(cells)} cells, but the header has {len(header)} ({', '.join(header)})"
                advice = f"Put cells that hold {_name(delimiter)}s or quotes in double quotes."
                yield number, BrokenRow(f"{path}: row {number} (line {reader.line_num + skipped})", problem, advice)
                continue
            yield number, {name: cell for name, cell in zip(header, cells, strict=True) if name}
    except csv.Error as error:
        raise DataError(
            f"{path}: row {number + 1} (up to line {reader.line_num + skipped}): bad {_name(delimiter)}-separated text "
            f'({error}). Close every double quote, and write a quote inside quotes as "".'
        ) from error


def check_header(path: Path, row: int, header: list[str]) -> list[str]:
    """Return the column names; raise `DataError` if they repeat."""
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise DataError(
            f"{path}: the header (row {row}) repeats {', '.join(map(repr, repeated))}; column names are unique."
        )
    return header


def _name(delimiter: str) -> str:
    """Return the name of a separator."""
    return _SEPARATORS.get(delimiter, repr(delimiter))
