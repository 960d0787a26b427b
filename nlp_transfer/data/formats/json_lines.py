"""Read JSON Lines: one object a line. Row N is line N; blank lines hold no row. A repeated key is an error."""

import json
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import encoding_notes, text_lines
from nlp_transfer.data.source import BrokenRow, FileSettings, RowBatch, batches


class RepeatedKey(dict[str, Any]):
    """Object with a repeated key.

    Example:
        >>> DECODER.decode('{"text": "a", "text": "b"}').key
        'text'
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.key = next(name for name in names if names.count(name) > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else RepeatedKey(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=_object)
"""JSON decoder; an object with a repeated key becomes a `RepeatedKey`."""


def repeated_key(path: Path, place: str, record: RepeatedKey) -> BrokenRow:
    """Return a row with a repeated key."""
    problem = f"repeats the key {record.key!r}; one of its values would be lost"
    return BrokenRow(f"{path}: {place}", problem, "Take one away.")


def read_json_lines(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read a file of one JSON object a line.

    Raises:
        DataError: unreadable (see `open_bytes`), broken JSON, a line that is no object, a repeated key; names the line.
    """
    notes = encoding_notes(path, settings.encoding)
    return batches(_records(path, settings.encoding), wanted, "line", notes, keep_broken=settings.keep_broken)


def _records(path: Path, encoding: str | None) -> Iterator[tuple[int, dict[str, Any] | BrokenRow]]:
    """Yield (line number, object)."""
    for number, line in text_lines(path, encoding):
        if line.strip():
            yield number, _record(path, number, line)


def _record(path: Path, number: int, line: str) -> dict[str, Any] | BrokenRow:
    """Return the object of a line."""
    place = f"{path}: line {number}"
    try:
        record = DECODER.decode(line)
    except json.JSONDecodeError as error:
        cut = not line.endswith("\n") and ("Unterminated" in error.msg or error.pos >= len(line) - 1)
        advice = "The line looks cut off: was the file copied whole?" if cut else "Expected one JSON object a line."
        return BrokenRow(place, f"broken JSON at character {error.pos + 1} ({error.msg})", advice)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or thousands of brackets
        return BrokenRow(place, f"JSON that cannot be read ({error})", "Simplify this row.")
    if not isinstance(record, dict):
        expected = 'expected an object such as {"text": "…", "label": "…"}'
        return BrokenRow(place, f"found a JSON {_kind(record)}; {expected}", "Mend or remove this line.")
    if isinstance(record, RepeatedKey):
        return repeated_key(path, f"line {number}", record)
    return record


def _kind(value: Any) -> str:
    """Return the JSON name of a value's type."""
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return names.get(type(value), "object")
