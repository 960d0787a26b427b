"""Check rows and convert them to typed Arrow columns.

Beside the columns of a corpus there are `row`, the number for messages, and `group` for a split by groups; labels are
still as the source writes them. Checks run on whole Arrow columns; Python reads single values only to name bad ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nlp_transfer.data.source import RawSplit, RowBatch
from nlp_transfer.data.validation import documents
from nlp_transfer.data.validation.blank import BLANK_PROBLEM, blank_mask
from nlp_transfer.data.validation.label_values import LabelTypes
from nlp_transfer.data.validation.row_errors import LONE_SURROGATE_PROBLEM, NUL, NUL_ADVICE, NUL_PROBLEM, RowErrors
from nlp_transfer.errors import DataError, did_you_mean

RESERVED_COLUMNS = ("id", "text", "label", "labels")
"""Columns that are read."""


@dataclass(frozen=True)
class ColumnSpec:
    """Columns to read, and the columns that they become.

    Args:
        group: column to group by, after renaming; None for no groups.
        labels_needed: each row must have a label if there is a label column.
        documents: rows are documents with summaries instead of texts with labels.
    """

    key: str
    renames: dict[str, str]
    group: str | None = None
    labels: bool = True
    labels_needed: bool = True
    documents: bool = False

    @property
    def text_column(self) -> str:
        """Return the user's name of the text column."""
        return "document" if self.documents else "text"

    def theirs(self) -> dict[str, str]:
        """Return our column names by theirs; a rename shadows a column that has the name already.

        Example:
            >>> ColumnSpec("source", {"clause": "text"}, labels=False).theirs()
            {'id': 'id', 'clause': 'text'}
        """
        ours = {name: name for name in RESERVED_COLUMNS if self.labels or name not in ("label", "labels")}
        if self.documents:
            ours = dict(documents.COLUMNS)
        if self.group:
            ours.setdefault(self.group, self.group)
        renamed = {theirs: ours[name] for theirs, name in self.renames.items() if name in ours}
        kept = {
            name: become
            for name, become in ours.items()
            if name not in self.renames.values() and name not in self.renames
        }
        return {**kept, **renamed}


class MissingLabel(Exception):
    """Missing label in a split that needs none: the split is read again without labels."""


def typed_tables(raw: RawSplit, name: str, wanted: ColumnSpec) -> Iterator[pa.Table]:
    """Yield the checked, typed rows of a split in tables of one schema; its name starts the ids of rows without one.

    Raises:
        DataError: columns are missing, or rows are bad: all of the split together.
        MissingLabel: a label is missing though `labels_needed` is False.
    """
    theirs = wanted.theirs()
    errors = RowErrors(raw.where)
    types = LabelTypes(errors, wanted.key, wanted.labels_needed)
    present: frozenset[str] | None = None
    done = 0
    for batch in raw.read(frozenset([*theirs, *wanted.renames])):
        columns = {theirs[column]: values for column, values in batch.columns.items() if column in theirs}
        if present is None:
            _check_columns(batch, columns, raw.where, wanted)
            present = frozenset(columns)
        late = sorted(set(columns) - present)
        if late:
            raise DataError(
                f"{raw.where}: column {late[0]!r} first appears at row {batch.first_row} or soon after; the rows "
                "before lack it. Give every row the same columns."
            )
        ids = [f"{name}-{row}" for row in range(done, done + len(next(iter(columns.values()), ())))]
        table = _typed(batch, columns, present, types, wanted, ids)
        done += table.num_rows
        if not errors:
            yield table
    if not done:
        raise DataError(f"{raw.where}: there are no rows; expected at least one with a text. Fill it or take it away.")
    errors.check()


def _check_columns(batch: RowBatch, columns: dict[str, Any], where: str, wanted: ColumnSpec) -> None:
    """Raise `DataError` if required columns are missing."""
    problems = [
        f"{where}: {wanted.key}.columns: {did_you_mean('column', theirs, batch.available)}"
        for theirs in wanted.renames
        if theirs not in batch.available
    ]
    if "text" not in columns and not problems:
        text = wanted.text_column
        known = documents.COLUMNS if wanted.documents else RESERVED_COLUMNS
        example = next((name for name in batch.available if name not in known), "body")
        problems.append(
            f"{where}: there is no column {text!r}; columns found: {', '.join(batch.available) or 'none'}. "
            f"Name it: `{wanted.key}.columns: {{{example}: {text}}}`."
        )
    if "label" in columns and "labels" in columns:
        advice = f"Rename one: `{wanted.key}.columns: {{labels: unused}}`."
        problems.append(f"{where}: there are both a column 'label' and a column 'labels'. {advice}")
    if wanted.group and wanted.group not in columns:
        problems.append(f"{where}: {wanted.key}.split.column: {did_you_mean('column', wanted.group, batch.available)}")
    if problems:
        raise DataError(problems)


def _typed(
    batch: RowBatch,
    columns: dict[str, Any],
    present: frozenset[str],
    types: LabelTypes,
    wanted: ColumnSpec,
    ids: list[str],
) -> pa.Table:
    """Return one batch with the columns of the first; bad rows are recorded and their values replaced."""
    length, first, errors = len(ids), batch.first_row, types.errors
    columns = {**{name: [None] * length for name in present}, **columns}
    typed: dict[str, pa.Array] = {}
    if "id" in present:
        typed["id"] = as_strings(columns["id"], "id", first, errors, numbers=True)
    else:
        typed["id"] = pa.array(ids, pa.string())
    if wanted.documents and holds_lists(columns["text"]):
        columns["text"], starts = documents.join_sentence_lists(documents.to_list(columns["text"]), first, errors)
    else:
        starts = pa.array([[]] * length, pa.list_(pa.int32()))
    typed["text"] = as_strings(columns["text"], wanted.text_column, first, errors)
    if wanted.documents:
        typed["sentence_starts"] = starts
        if "summary" in present:
            typed["summary"] = as_strings(columns["summary"], "summary", first, errors)
        if "highlights" in present:
            passages = documents.to_list(columns["highlights"])
            typed["highlights"] = documents.highlight_offsets(passages, typed["text"].to_pylist(), first, errors)
    for name in ("label", "labels"):
        if name in present:
            multi, values = types.typed(columns[name], name, first)
            if values.null_count and not types.needed:
                raise MissingLabel
            typed["labels" if multi else "label"] = values
    if wanted.group:
        typed["group"] = as_strings(columns[wanted.group], wanted.group, first, errors, numbers=True)
    typed["row"] = pa.array(range(first, first + length), pa.int64())
    return pa.table(typed)


def holds_lists(values: Any) -> bool:
    """Return True if the first value that is not missing is a list.

    Example:
        >>> holds_lists([None, ["a"]])
        True
    """
    if isinstance(values, list):
        return isinstance(next((value for value in values if value is not None), None), list)
    return pa.types.is_list(values.type) or pa.types.is_large_list(values.type)


def as_strings(values: Any, column: str, first: int, errors: RowErrors, numbers: bool = False) -> pa.Array:
    """Return a column as non-empty strings without NUL characters, shape (rows,)."""
    advice = f"Every row needs a {column}: mend or remove these rows."
    array = (
        _strings_from_objects(values, column, first, errors, numbers)
        if isinstance(values, list)
        else _strings_from_arrow(values, column, first, errors, numbers)
    )
    empty = blank_mask(array)
    nul = pc.and_(pc.match_substring(array, NUL).fill_null(False), pc.invert(empty))  # each row is recorded once
    errors.add(f"{column} is missing (null)", advice, first + np.flatnonzero(array.is_null()))
    errors.add(f"{column} {BLANK_PROBLEM}", advice, first + np.flatnonzero(empty))
    errors.add(f"{column} {NUL_PROBLEM}", NUL_ADVICE, first + np.flatnonzero(nul))
    return array


def _strings_from_objects(values: list[Any], column: str, first: int, errors: RowErrors, numbers: bool) -> pa.Array:
    """Return strings from Python objects."""
    if numbers and any(type(value) is int for value in values):
        values = [str(value) if type(value) is int else value for value in values]
    try:
        if not any(isinstance(value, bytes) for value in values):
            return pa.array(values, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid, UnicodeEncodeError):
        pass  # some value is no string: say which
    good: list[str | None] = []
    for row, value in enumerate(values, first):
        problem = advice = ""
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                problem, advice = LONE_SURROGATE_PROBLEM, "Write the character whole."
        elif value is not None:
            kind = type(value).__name__
            kind = {"float": "number", "int": "number", "dict": "object"}.get(kind, kind)
            problem, advice = f"is a {kind}, not a string", "Write it as a string, or mend these rows."
        if problem:
            errors.add(f"{column} {problem}", advice, [row])
        good.append("-" if problem else value)
    return pa.array(good, pa.string())


def _strings_from_arrow(
    values: pa.Array | pa.ChunkedArray, column: str, first: int, errors: RowErrors, numbers: bool
) -> pa.Array:
    """Return strings from an Arrow array."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.dictionary_decode(), kind.value_type
    if pa.types.is_null(kind) or (numbers and pa.types.is_integer(kind)):
        return values.cast(pa.string())
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise DataError(f"{errors.where}: column {column!r} holds {kind}, not strings.")
    values = values.cast(pa.string())
    try:
        values.validate(full=True)
        return values
    except pa.ArrowInvalid:
        raw = values.cast(pa.binary()).to_pylist()
        texts = [None if one is None else one.decode(errors="replace") for one in raw]
        pairs = enumerate(zip(raw, texts, strict=True), first)
        bad = [row for row, (one, text) in pairs if text is not None and text.encode() != one]
        errors.add(f"{column} is not UTF-8", "Convert these rows to UTF-8.", bad)
        return pa.array(texts, pa.string())
