"""Read JSON Lines, one object a line, and JSON, an array of objects; a repeated key is an error.

Row N is line N of JSON Lines, where blank lines hold no row, and the N-th object of an array, which is held in memory.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import MAX_ROW_BYTES, open_bytes, text_lines, too_long, whole_text
from nlp_transfer.data.formats.signatures import check_signature
from nlp_transfer.data.source import RowBatch, batches
from nlp_transfer.errors import DataError

_START_BYTES = 1 << 20


class _RepeatedKey(dict[str, Any]):
    """Object with a repeated key."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.key = next(name for name in names if names.count(name) > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _RepeatedKey(pairs)


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def read_json_lines(path: Path, wanted: frozenset[str]) -> Iterator[RowBatch]:
    """Read a file of one JSON object a line; raise `DataError` with the line for anything else."""
    return batches(_records(path), wanted, "line")


def read_json(path: Path, wanted: frozenset[str]) -> Iterator[RowBatch]:
    """Read a JSON array of objects, or JSON Lines with the suffix `.json`; raise `DataError` for anything else."""
    with open_bytes(path) as file:
        start = file.read(_START_BYTES)
    check_signature(path, start)
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        return batches(_elements(path), wanted, "object")
    first_line, _, rest = start.partition(b"\n")
    if first_line.startswith(b"{") and not first_line.rstrip().endswith(b"}") and rest:
        raise DataError(f"{path}: holds one JSON object over many lines; expected an array, or one object a line.")
    return read_json_lines(path, wanted)


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object)."""
    for number, line in text_lines(path):
        if line.strip():
            yield number, _checked(_decode(path, line.rstrip("\r\n"), number), f"{path}: line {number}")


def _elements(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number, object) of the array in a file."""
    for number, record in enumerate(_decode(path, whole_text(path), 1), 1):
        row = _checked(record, f"{path}: object {number}")
        if any(isinstance(value, str) and len(value) > MAX_ROW_BYTES for value in row.values()):
            raise too_long(path, f"object {number}")
        yield number, row


def _decode(path: Path, text: str, line: int) -> Any:
    """Return the value of a JSON text that begins on a line."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        cut = error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - 1
        advice = "Was the file copied whole?" if cut else 'Expected objects such as {"text": "…"}.'
        raise DataError(
            f"{path}: line {line}: broken JSON at character {error.colno} ({error.msg}). {advice}"
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or thousands of brackets
        place = f"line {line}: " if "\n" not in text else ""
        raise DataError(f"{path}: {place}JSON that cannot be read ({error}). Simplify this row.") from error


def _checked(record: Any, place: str) -> dict[str, Any]:
    """Return a record that is an object without repeated keys; raise `DataError` for others."""
    if not isinstance(record, dict):
        raise DataError(f'{place}: found {json.dumps(record)[:40]}; expected an object such as {{"text": "…"}}.')
    if isinstance(record, _RepeatedKey):
        raise DataError(f"{place}: repeats the key {record.key!r}; one of its values would be lost.")
    return record
