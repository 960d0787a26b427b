"""Check rows of texts to predict while they are read, from any source, and group them into windows."""

import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from nlp_transfer.data.column_names import ColumnNames
from nlp_transfer.data.corpus import IMAGE, SECOND
from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.data.source import MAX_BATCH_ROWS, RawSplit, batches
from nlp_transfer.data.validation.blank import BLANK_PROBLEM
from nlp_transfer.data.validation.documents import join_sentence_lists, to_list
from nlp_transfer.data.validation.images import any_file, checked_images
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.data.validation.row_kinds import BOTH_TEXTS, DOCUMENTS, ROW_KINDS, TEXTS
from nlp_transfer.data.validation.strings import as_strings, holds_lists, join_paragraphs
from nlp_transfer.errors import ConfigError, DataError

log = logging.getLogger(__name__)

MAX_WINDOW_ROWS = MAX_BATCH_ROWS
"""Maximum number of rows held in memory together."""

MAX_WINDOW_CHARACTERS = 2_000_000
"""Approximate maximum number of characters of a window; bounds memory for long texts."""


@dataclass(frozen=True)
class BadText:
    """Stand for a text that cannot be predicted."""

    problem: str


class TextRows:
    """Rows of texts, checked while they are read.

    Args:
        split: reads the rows.
        kind: name of the kind of rows, from `ROW_KINDS`: a document may be a list of its sentences, and a pair is a
            tuple of two texts.
        columns: names of columns (theirs: ours) that go before ours, `id` and those of the kind's texts.
        text_column: the only name of the text column; None looks for those in `columns` and for the kind's.
        advice: end of the message on a text column that is not there.

    Attributes:
        allow_empty: empty texts are good.
        skip: bad texts are `BadText`; without it they raise a `DataError` after the rows before them.
        keep: names of columns to keep.
        skip_advice: end of the message on bad texts, a sentence after a blank.
        kept: the columns that were kept of each row that was read; whoever reads takes them away.
        available: the columns of the rows that were read.
    """

    def __init__(
        self,
        split: RawSplit,
        kind: str,
        columns: Mapping[str, str] | None = None,
        *,
        text_column: str | None = None,
        advice: str = "",
    ) -> None:
        self.split, self.kind, self.advice = split, kind, advice
        self.skip = self.allow_empty = False
        self.skip_advice = ""
        self.keep: Sequence[str] = ()
        self.kept: deque[dict[str, Any]] = deque()
        self.available: dict[str, None] = {}
        self._noted: set[str] = set()
        self._columns = [
            [*(theirs for theirs, own in (columns or {}).items() if own == ours), ours]
            for ours in ("id", *ROW_KINDS[kind].texts)
        ]
        self._text_of = ROW_KINDS[kind].text_of
        self._columns[1] = [*self._columns[1], *self._text_of] if text_column is None else [text_column]

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield (id, text) in order; the id is the column `id`, else the row's number from 0.

        A document that is a list of sentences stays a list; a pair is a tuple of two texts, an image as it is held.
        """
        count, own_names = 0, [name for names in self._columns for name in names]
        names = ColumnNames(own_names)
        for batch in self.split.read(ColumnNames([*own_names, *self.keep])):
            if batch.broken:
                if not self.skip:
                    raise self._refusal(batch.broken.error())
                if self.keep:
                    self.kept.append({})
                yield count, BadText(batch.broken.problem)
                count += 1
                continue
            self.available |= dict.fromkeys(batch.available)
            self._note([*batch.notes, *names.notes(batch.available)])
            found = {name: own for own, name in names.found(batch.available).items()}
            id_column, *texts_in = (next((found[name] for name in own if name in found), None) for own in self._columns)
            columns = [column for column in texts_in if column is not None]
            if len(columns) < len(texts_in):
                own = self._columns[1 + texts_in.index(None)]
                wanted = " or ".join(repr(name) for name in own if name not in self._text_of)
                raise DataError(
                    f"{self.split.where}: {batch.unit} {batch.first_row}: there is no column {wanted}; columns found: "
                    f"{', '.join(batch.available) or 'none'}. {self.suggestion()}"
                )
            values = [batch.columns[column] for column in columns]
            if make := self._text_of.get(columns[0]):
                values[0] = [make(value) for value in to_list(values[0])]
            given = [None] * len(values[0]) if id_column is None else to_list(batch.columns[id_column])
            ids = [number if value is None else value for number, value in enumerate(given, count)]
            errors = _RowProblems(self.split.where, batch.unit, dict(enumerate(ids, batch.first_row)))
            errors.ignored = BLANK_PROBLEM if self.allow_empty else None
            read = [
                self._checked(of, column, batch.first_row, errors) for of, column in zip(values, columns, strict=True)
            ]
            texts = read[0] if len(read) == 1 else list(zip(*read, strict=True))
            kept = {name: to_list(batch.columns[name]) for name in self.keep if name in batch.columns}
            for row, (row_id, text) in enumerate(zip(ids, texts, strict=True), batch.first_row):
                problem = errors.problems.get(row)
                if problem is not None and not self.skip:
                    raise self._refusal(DataError(errors.messages()))
                if self.keep:
                    self.kept.append({name: values[row - batch.first_row] for name, values in kept.items()})
                yield row_id, text if problem is None else BadText(problem)
            count += len(ids)

    def _refusal(self, error: DataError) -> DataError:
        """Return the error for bad rows, with the advice on skipping them."""
        return DataError([*error.problems[:-1], error.problems[-1] + self.skip_advice])

    def suggestion(self) -> str:
        """Return what to do about a text column that is not there."""
        return self.advice

    def _note(self, notes: list[str]) -> None:
        """Log each note once."""
        for note in notes:
            if note not in self._noted:
                log.warning(note)
        self._noted.update(notes)

    def _checked(self, values: Any, column: str, first: int, errors: RowErrors) -> list[Any]:
        """Return the texts, or lists of sentences; bad ones are recorded."""
        if ROW_KINDS[self.kind].names_files:
            return checked_images(to_list(values), first, errors, self.split.find_file)
        given: list[Any] | None = None
        mixed = isinstance(values, list) and any(isinstance(one, list) for one in values)
        if self.kind == DOCUMENTS and (mixed or holds_lists(values)):
            given = to_list(values)
            values, _ = join_sentence_lists(given, first, errors)
        advice = f"Every row needs a {column}: mend or remove these rows."
        if len(ROW_KINDS[self.kind].texts) > 1:
            advice = BOTH_TEXTS
        texts: pa.Array = as_strings(join_paragraphs(values), column, first, errors, advice=advice)
        return given or texts.to_pylist()


class _RowProblems(RowErrors):
    """Keep the first problem of each bad row, too."""

    def __init__(self, where: str, unit: str, ids: Mapping[int, Any]) -> None:
        super().__init__(where, unit, ids)
        self.problems: dict[int, str] = {}
        self.ignored: str | None = None

    def add(self, problem: str, advice: str, rows: Iterable[int]) -> None:
        """Record rows with a problem and the remedy."""
        if self.ignored is not None and problem.endswith(self.ignored):
            return
        listed = [int(row) for row in rows]
        super().add(problem, advice, listed)
        for row in listed:
            self.problems.setdefault(row, problem)


def text_rows(data: Any, kind: str = TEXTS, columns: Mapping[str, str] | None = None) -> TextRows:
    """Return the rows of Python objects.

    Args:
        data: a pandas DataFrame or Series, a `datasets.Dataset`, or an iterable of texts, (id, text) tuples or mappings
            with the columns of a file; of pairs (first, second) and (id, first, second) tuples. An iterator is read as
            it is used.
        kind: see `TextRows`, as for `columns`.

    Raises:
        ConfigError: it is one text, or no rows.

    Example:
        >>> list(text_rows(["first clause", ("b", "second clause")]))
        [(0, 'first clause'), ('b', 'second clause')]
    """
    import pandas as pd
    from datasets import Dataset

    from nlp_transfer.data.sources.in_memory import table_reader

    if isinstance(data, str | bytes):
        raise ConfigError("predict was given one text; expected a list of texts: predict([text]).")
    if isinstance(data, Mapping) or not isinstance(data, Iterable):
        what = f"a {type(data).__name__}" + (f" with {', '.join(map(repr, data))}" if isinstance(data, Mapping) else "")
        raise ConfigError(
            f"predict was given {what}; expected texts: a list, a pandas Series or DataFrame, a datasets.Dataset, a "
            "NumPy array or a generator."
        )
    where, names = f"the {type(data).__name__}", ROW_KINDS[kind].texts
    if isinstance(data, pd.Series):
        data = data.to_frame(names[0])
    paired = len(names) > 1
    if isinstance(data, pd.DataFrame | Dataset):
        advice = columns_advice(names) if paired else "Give predict the column that holds the texts: rows[NAME]."
        split = RawSplit(where, table_reader(data, where), find_file=any_file)
        return TextRows(split, kind, columns, advice=advice)
    records = ((number, _record(value, names)) for number, value in enumerate(data, 1))
    split = RawSplit(where, partial(batches, records), find_file=any_file)
    listed = f"({', '.join(names)}) or (id, {', '.join(names)}) tuples" if paired else "texts, (id, text) tuples"
    rows = TextRows(split, kind, columns, advice=f"Expected {listed}, or mappings with that column.")
    rows.allow_empty = kind == DOCUMENTS  # whose summary is empty
    return rows


def columns_advice(texts: Sequence[str]) -> str:
    """Return how the columns of the texts of pairs are named.

    Example:
        >>> columns_advice(["first", "second"])
        "Call the columns of texts 'first' and 'second', or as in training."
    """
    return f"Call the columns of texts {' and '.join(map(repr, texts))}, or as in training."


def _record(value: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return one text (several), a tuple with an id before them, or a mapping as a row by its columns."""
    if isinstance(value, Mapping):
        return dict(value)
    parts = value if isinstance(value, tuple) and len(value) in (len(names), len(names) + 1) else (value,)
    row_id, *texts = parts if len(parts) == len(names) + 1 else (None, *(parts if len(names) > 1 else (value,)))
    known = [None if isinstance(text, float) and math.isnan(text) else text for text in texts]
    return {"id": row_id, **dict(zip(names, known, strict=False))}


def dataset_rows(split: Any) -> Iterator[tuple[str, Any]]:
    """Yield (id, text) of each row of a corpus's split; see `row_inputs`.

    Example:
        >>> from datasets import Dataset
        >>> list(dataset_rows(Dataset.from_dict({"id": ["a"], "text": ["one"], "second": ["two"]})))
        [('a', ('one', 'two'))]
    """
    names = [name for name in ("text", SECOND, IMAGE) if name in split.column_names]
    for batch in split.select_columns(["id", *names]).iter(MAX_BATCH_ROWS):
        yield from zip(batch["id"], row_inputs(batch), strict=True)


def row_windows(rows: Iterable[tuple[Any, Any]]) -> Iterator[list[tuple[Any, Any]]]:
    """Group consecutive rows, up to `MAX_WINDOW_ROWS` and `MAX_WINDOW_CHARACTERS`.

    An error of `rows` is raised after the rows before it were yielded.

    Example:
        >>> list(row_windows([(0, "first"), (1, "second")]))
        [[(0, 'first'), (1, 'second')]]
    """
    window: list[tuple[Any, Any]] = []
    characters = 0
    try:
        for row in rows:
            window.append(row)
            if not isinstance(row[1], BadText):
                characters += len(row[1]) if isinstance(row[1], str) else sum(map(len, row[1]))
            if len(window) >= MAX_WINDOW_ROWS or characters >= MAX_WINDOW_CHARACTERS:
                yield window
                window, characters = [], 0
    except DataError:
        if window:
            yield window
        raise
    if window:
        yield window
