"""Read CSV and TSV files with a header line; `""` inside quotes is a quote.

Row N is the spreadsheet's row N: the header is row 1. Every cell is a string: "NA" and "null" are words.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import MAX_ROW_BYTES, text_lines
from nlp_transfer.data.source import RowBatch, batches
from nlp_transfer.errors import DataError


def read_csv(path: Path, wanted: frozenset[str]) -> Iterator[RowBatch]:
    """Read comma-separated values.

    Raises:
        DataError: unreadable (see `open_bytes`), a bad header, broken quotes, or a row with too many or too few cells.
    """
    return batches(_records(path, ","), wanted)


def read_tsv(path: Path, wanted: frozenset[str]) -> Iterator[RowBatch]:
    """Read tab-separated values; raises what `read_csv` raises."""
    return batches(_records(path, "\t"), wanted)


def _records(path: Path, delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row number, cells by column)."""
    csv.field_size_limit(MAX_ROW_BYTES)  # Python's own limit of 131,072 is less than a contract
    reader = csv.reader((line for _, line in text_lines(path)), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    try:
        for cells in reader:
            if not cells:
                continue  # a blank line holds no row
            number += 1
            if header is None:
                header = _checked_header(path, cells, delimiter)
                continue
            if len(cells) != len(header):
                raise DataError(
                    f"{path}: row {number} (line {reader.line_num}): {len(cells)} cells, but the header has "
                    f"{len(header)} ({', '.join(header)}). Put cells that hold {_name(delimiter)}s or quotes in "
                    "double quotes."
                )
            yield number, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise DataError(
            f"{path}: row {number + 1} (up to line {reader.line_num}): bad {_name(delimiter)}-separated text "
            f'({error}). Close every double quote, and write a quote inside quotes as "".'
        ) from error


def _checked_header(path: Path, header: list[str], delimiter: str) -> list[str]:
    """Return the column names; raise `DataError` if they repeat or the separator is another."""
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise DataError(
            f"{path}: the header (row 1) repeats {', '.join(map(repr, repeated))}; column names are unique."
        )
    if len(header) == 1:
        for other in (",", ";", "\t"):
            if other != delimiter and other in header[0]:
                raise DataError(
                    f"{path}: the header (row 1) is {header[0]!r}: its cells seem to be separated by {_name(other)}s, "
                    f"not {_name(delimiter)}s. Save the file as .csv with commas, or as .tsv with tabs."
                )
    return header


def _name(delimiter: str) -> str:
    """Return the name of a separator."""
    return {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter]
