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
from nlp_transfer.data.source import MAX_BATCH_ROWS, RawSplit, batches
from nlp_transfer.data.validation.blank import BLANK_PROBLEM
from nlp_transfer.data.validation.documents import join_sentence_lists, to_list
from nlp_transfer.data.validation.row_errors import RowErrors
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
        kind: `text`, or `document`, which may be a list of its sentences.
        columns: names of columns (theirs: ours) that go before ours, `id` and `kind`.
        text_column: the only name of the text column; None looks for those in `columns` and for `kind`.
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
            [*(theirs for theirs, own in (columns or {}).items() if own == ours), ours] for ours in ("id", kind)
        ]
        if text_column is not None:
            self._columns[1] = [text_column]

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield (id, text) in order; the id is the column `id`, else the row's number from 0.

        A document that is a list of sentences stays a list.
        """
        count, names = 0, ColumnNames([*self._columns[0], *self._columns[1]])
        for batch in self.split.read(ColumnNames([*self._columns[0], *self._columns[1], *self.keep])):
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
            id_column, column = (next((found[name] for name in own if name in found), None) for own in self._columns)
            if column is None:
                wanted = " or ".join(map(repr, self._columns[1]))
                raise DataError(
                    f"{self.split.where}: {batch.unit} {batch.first_row}: there is no column {wanted}; columns found: "
                    f"{', '.join(batch.available) or 'none'}. {self.suggestion()}"
                )
            values = batch.columns[column]
            given = [None] * len(values) if id_column is None else to_list(batch.columns[id_column])
            ids = [number if value is None else value for number, value in enumerate(given, count)]
            errors = _RowProblems(self.split.where, batch.unit, dict(enumerate(ids, batch.first_row)))
            errors.ignored = BLANK_PROBLEM if self.allow_empty else None
            texts = self._checked(values, column, batch.first_row, errors)
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
        given: list[Any] | None = None
        mixed = isinstance(values, list) and any(isinstance(one, list) for one in values)
        if self.kind == "document" and (mixed or holds_lists(values)):
            given = to_list(values)
            values, _ = join_sentence_lists(given, first, errors)
        texts: pa.Array = as_strings(join_paragraphs(values), column, first, errors)
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


def text_rows(data: Any, kind: str = "text", columns: Mapping[str, str] | None = None) -> TextRows:
    """Return the rows of Python objects.

    Args:
        data: a pandas DataFrame or Series, a `datasets.Dataset`, or an iterable of texts, (id, text) tuples or mappings
            with the columns of a file. An iterator is read as it is used.
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
        kind = f"a {type(data).__name__}" + (f" with {', '.join(map(repr, data))}" if isinstance(data, Mapping) else "")
        raise ConfigError(
            f"predict was given {kind}; expected texts: a list, a pandas Series or DataFrame, a datasets.Dataset, a "
            "NumPy array or a generator."
        )
    where = f"the {type(data).__name__}"
    if isinstance(data, pd.Series):
        data = data.to_frame(kind)
    if isinstance(data, pd.DataFrame | Dataset):
        split = RawSplit(where, table_reader(data, where))
        return TextRows(split, kind, columns, advice="Give predict the column that holds the texts: rows[NAME].")
    records = ((number, _record(value, kind)) for number, value in enumerate(data, 1))
    split = RawSplit(where, partial(batches, records))
    rows = TextRows(split, kind, columns, advice="Expected texts, (id, text) tuples, or mappings with that column.")
    rows.allow_empty = kind == "document"  # whose summary is empty
    return rows


def _record(value: Any, kind: str) -> dict[str, Any]:
    """Return a text, an (id, text) tuple or a mapping as a row by its columns."""
    if isinstance(value, Mapping):
        return dict(value)
    row_id, text = value if isinstance(value, tuple) and len(value) == 2 else (None, value)
    return {"id": row_id, kind: None if isinstance(text, float) and math.isnan(text) else text}


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
