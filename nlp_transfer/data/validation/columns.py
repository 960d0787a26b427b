"""Check rows and convert them to typed Arrow columns.

Beside the columns of a corpus there are `row`, the number for messages, and `group` for a split by groups; labels are
still as the source writes them. Checks run on whole Arrow columns; Python reads single values only to name bad ones.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from nlp_transfer.data.column_names import (
    AllColumns,
    first_rows,
    pair_suggestion,
    text_suggestion,
)
from nlp_transfer.data.corpus import IMAGE
from nlp_transfer.data.source import RawSplit, RowBatch
from nlp_transfer.data.validation.blank import rows_with_text
from nlp_transfer.data.validation.column_spec import READ_COLUMNS, ColumnSpec
from nlp_transfer.data.validation.label_lists import MarkedClasses, split_labels
from nlp_transfer.data.validation.label_values import LabelTypes
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.data.validation.strings import article, as_strings, join_paragraphs
from nlp_transfer.errors import DataError, did_you_mean


class MissingLabel(Exception):
    """Missing label in a split that needs none: the split is read again without labels."""


def typed_tables(raw: RawSplit, name: str, wanted: ColumnSpec, facts: Counter[str]) -> Iterator[pa.Table]:
    """Yield the checked, typed rows of a split in tables of one schema; its name starts the ids of rows without one.

    Args:
        facts: counts as `dropped` the rows without a text that are left out, and what `RowKind.facts` names.

    Raises:
        DataError: columns are missing, or rows are bad: all of the split together.
        MissingLabel: a label is missing though `labels_needed` is False.
    """
    errors = RowErrors(raw.where)
    types = LabelTypes(errors, wanted.key, wanted.labels_needed, wanted.rows.labels)
    marked = {ours: MarkedClasses(errors, names, ours == "label") for ours, names in wanted.marked().items()}
    present: frozenset[str] | None = None
    found: dict[str, str] = {}
    done = 0
    for batch in _filled(raw, wanted, facts):
        names = wanted.names().found(batch.available).items()
        found |= {own: name for own, name in names if name not in found.values()}
        columns = _named(batch, found, wanted, marked)
        columns = wanted.rows.convert(columns, batch.first_row, errors, facts, raw.find_file)
        if present is None:
            _check_columns(raw, batch, columns, wanted)
            present = frozenset(columns)
        late = sorted(set(columns) - present)
        if late:
            raise DataError(
                f"{raw.where}: column {late[0]!r} first appears at row {batch.first_row} or soon after; the rows "
                "before lack it. Give every row the same columns."
            )
        ids = [f"{name}-{row}" for row in range(done, done + _length(columns))]
        table = _typed(batch, columns, present, types, wanted, ids)
        done += table.num_rows
        if not errors:
            yield table
    if not done:
        raise DataError(f"{raw.where}: there are no rows; expected at least one with a text. Fill it or take it away.")
    errors.check()


def _filled(raw: RawSplit, wanted: ColumnSpec, facts: Counter[str]) -> Iterator[RowBatch]:
    """Yield the batches, without the rows that are left out."""
    needed = [wanted.rows.columns[name] for name in wanted.rows.texts]
    texts = [theirs for theirs, ours in wanted.theirs().items() if ours in needed]
    for batch in raw.read(wanted.names()):
        if not wanted.drop_empty:
            yield batch
            continue
        parts = [batch]
        for own, name in wanted.names().found(batch.available).items():
            if name in texts:
                parts = [kept for part in parts for kept in rows_with_text(part, own)]
        facts["dropped"] += _length(batch.columns) - sum(_length(part.columns) for part in parts)
        yield from parts


def _named(
    batch: RowBatch, found: dict[str, str], wanted: ColumnSpec, marked: dict[str, MarkedClasses]
) -> dict[str, Any]:
    """Return the columns by our names, with lists of labels made."""
    own = {found[column]: values for column, values in batch.columns.items() if column in found}
    theirs = wanted.theirs()
    columns = {theirs[name]: values for name, values in own.items() if name in theirs}
    if ours := wanted.rows.gathered:
        given = {name: own.get(column) for column, name in wanted.gathered().items()}
        columns.pop(ours, None)
        if any(values is not None for values in given.values()):
            nothing = [None] * _length(columns)
            columns[ours] = {name: nothing if values is None else values for name, values in given.items()}
    for ours, classes in marked.items():
        lacking = [name for name in classes.columns if name not in own]
        if len(lacking) < len(classes.columns):
            own |= {name: [None] * _length(columns) for name in lacking}
            columns[ours] = classes.labels(own, batch.first_row)
    for ours in ("label", "labels"):
        if wanted.label_separator and ours in columns and ours not in marked:
            columns[ours] = split_labels(columns[ours], wanted.label_separator)
    return columns


def _length(columns: Mapping[str, Any]) -> int:
    return len(next(iter(columns.values()), ()))


def _check_columns(raw: RawSplit, batch: RowBatch, columns: dict[str, Any], wanted: ColumnSpec) -> None:
    """Raise `DataError` if required columns are missing."""
    where = raw.where
    found = wanted.names().found(batch.available)
    problems = [
        f"{where}: {wanted.key}.columns: {did_you_mean('column', theirs, batch.available)}"
        for theirs in wanted.renames
        if theirs not in found.values()
    ]
    texts = wanted.rows.texts
    missing = [text for text in texts if wanted.rows.columns[text] not in columns]
    if missing and not problems:
        names, rows = " and no column ".join(map(repr, missing)), first_rows(raw.read(AllColumns()))
        setting = f"`{wanted.key}.columns: {{{{{{}}: {missing[0]}}}}}`"
        advice = text_suggestion(rows, setting)
        if IMAGE in batch.available and missing == ["text"]:
            advice = "These rows are images: set task.name: image_classification."
        if len(texts) > 1:
            advice = pair_suggestion(rows, missing, {*found, *READ_COLUMNS}, wanted.key)
        problems.append(
            f"{where}: there is no column {names}; columns found: {', '.join(batch.available) or 'none'}. {advice}"
        )
    if "label" in columns and "labels" in columns:
        advice = f"Rename one: `{wanted.key}.columns: {{labels: unused}}`."
        problems.append(f"{where}: there are both a column 'label' and a column 'labels'. {advice}")
    if wanted.group and wanted.group not in columns:
        problems.append(f"{where}: {wanted.key}.split.column: {did_you_mean('column', wanted.group, batch.available)}")
    problems += [
        f"{where}: {wanted.key}.columns gives {theirs} no name; write value, or value.NAME."
        for theirs, ours in wanted.renames.items()
        if ours == "value."
    ]
    numbers = list(wanted.gathered().values())
    if twice := sorted({name for name in numbers if numbers.count(name) > 1}):
        theirs = " and ".join(column for column, name in wanted.gathered().items() if name == twice[0])
        problems.append(f"{where}: {wanted.key}.columns gives {theirs} one name, {twice[0]!r}; name one of them anew.")
    if problems:
        problems[-1] = " ".join([problems[-1], *batch.notes])  # such as which sheet is read
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
    text, *others = wanted.rows.texts
    needed = "Every pair needs both texts" if others else f"Every row needs {article(text)} {text}"
    advice = f"{needed}: {wanted.empty_advice}."
    typed["text"] = as_strings(join_paragraphs(columns["text"]), text, first, errors, advice=advice)
    typed |= wanted.rows.typed(columns, typed["text"], first, errors)
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
