"""Write predictions to a file in the format of its suffix, in constant memory."""

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from nlp_transfer.data.formats import data_suffix
from nlp_transfer.data.source import MAX_BATCH_ROWS, RawSplit
from nlp_transfer.errors import ConfigError
from nlp_transfer.files import atomic_file, json_line, to_json_value

Row = dict[str, Any]
Columns = Mapping[str, pa.DataType]
"""The columns of a table, in their order, with their types; a cell of another type is JSON text."""


@contextmanager
def open_writer(output: str | None, columns: Columns) -> Iterator[Callable[[Row], object]]:
    """Yield the function that writes a row to a file, which appears at the end, or at once to standard output."""
    with ExitStack() as opened:
        if output is None:
            yield _write_at_once
            return
        file: Any = opened.enter_context(atomic_file(output))
        if output.lower().endswith(".gz"):
            file = opened.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0))
        yield opened.enter_context(WRITERS[data_suffix(Path(output))](file, columns))


def check_suffix(output: str) -> None:
    """Check that a file's suffix names a format; raise ConfigError."""
    if (suffix := data_suffix(Path(output))) not in WRITERS:
        known = ", ".join(filter(None, WRITERS))
        raise ConfigError(f"--output {output}: no format is known by the suffix {suffix!r}; expected {known}.")


def _write_at_once(row: Row) -> None:
    sys.stdout.buffer.write(json_line(_json_value(row)))
    sys.stdout.buffer.flush()


@contextmanager
def _json_lines(file: IO[bytes], columns: Columns) -> Iterator[Callable[[Row], object]]:
    yield lambda row: file.write(json_line(_json_value(row)))


@contextmanager
def _csv(file: IO[bytes], columns: Columns) -> Iterator[Callable[[Row], object]]:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    yield lambda row: writer.writerow({name: _cell(value) for name, value in cells(row, columns).items()})
    text.detach()


@contextmanager
def _parquet(file: IO[bytes], columns: Columns) -> Iterator[Callable[[Row], object]]:
    schema = pa.schema(columns.items())
    held: list[Row] = []
    with pq.ParquetWriter(file, schema) as writer:

        def write() -> None:
            writer.write_table(pa.Table.from_pylist(held, schema))
            held.clear()

        def add(row: Row) -> None:
            held.append({name: _cell(value, columns[name]) for name, value in cells(row, columns).items()})
            if len(held) >= MAX_BATCH_ROWS:
                write()

        yield add
        write()


WRITERS: dict[str, Callable[[IO[bytes], Columns], Any]] = {
    "": _json_lines,
    ".jsonl": _json_lines,
    ".csv": _csv,
    ".parquet": _parquet,
}
"""Writers by suffix, which may be followed by `.gz`."""


def cells(row: Mapping[str, Any], columns: Columns) -> Row:
    """Return the value of each column; a column `A.B` is the item B of a mapping A. Without a value it is None.

    Example:
        >>> cells({"id": 3, "probabilities": {"red": 0.75}}, dict.fromkeys(["id", "probabilities.red", "problem"]))
        {'id': 3, 'probabilities.red': 0.75, 'problem': None}
    """
    found: Row = {}
    for name in columns:
        outer, _, inner = name.partition(".")
        mapping = row.get(outer)
        found[name] = row[name] if name in row else mapping.get(inner) if isinstance(mapping, Mapping) else None
    return found


def _cell(value: Any, kind: pa.DataType | None = None) -> Any:
    """Return a value as a table holds it: text where the column is text, JSON where that is not a text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if kind is not None and not pa.types.is_string(kind):
        return value
    if isinstance(value, list | dict) or (kind is not None and value is not None):
        plain = _json_value(value)
        return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return value


def _json_value(value: Any) -> Any:
    """Return a value as JSON has it; dates and others that it has not become text."""
    if isinstance(value, Mapping):
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    try:
        return to_json_value(value)
    except TypeError:
        return value.isoformat() if hasattr(value, "isoformat") else str(value)


def column_types(split: RawSplit, names: Iterable[str]) -> dict[str, pa.DataType]:
    """Return the type of each column that rows have; text where their values are of several."""
    schema = pa.schema([])
    for batch in split.read(frozenset(names)):
        found = pa.schema([(name, _type(values)) for name, values in batch.columns.items()])
        for name in found.names:
            schema = _with_type(schema, name, found.field(name).type)
    text = pa.string()
    return {
        name: text if pa.types.is_null(kind) else kind for name, kind in zip(schema.names, schema.types, strict=True)
    }


def _type(values: Any) -> pa.DataType:
    try:
        return (pa.array(values) if isinstance(values, list) else values).type
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        return pa.string()


def _with_type(schema: pa.Schema, name: str, kind: pa.DataType) -> pa.Schema:
    """Return a schema with a column of the type, or of text where it has the column with a type that does not fit."""
    try:
        return pa.unify_schemas([schema, pa.schema([(name, kind)])], promote_options="permissive")
    except pa.ArrowTypeError:
        return schema.set(schema.get_field_index(name), pa.field(name, pa.string()))
