"""The kinds of rows of a corpus: what is read of each row, and the typed columns that it becomes.

A new kind is one object and a line in `ROW_KINDS`; a task names its kind (`Columns.kind`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nlp_transfer.data.validation import documents, spans
from nlp_transfer.data.validation.row_errors import RowErrors

Untyped = dict[str, Any]
"""Columns by our names, as a source holds them."""


def _unchanged(columns: Untyped, first: int, errors: RowErrors, facts: Counter[str]) -> Untyped:
    return columns


def _nothing(columns: Untyped, texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    return {}


@dataclass(frozen=True)
class RowKind:
    """A kind of rows.

    Args:
        columns: what is read beside `id` (theirs: ours).
        text: the user's name of the text column.
        label_columns: those of our columns that hold labels or what they are made of; empty for rows without labels.
        labels: the name of the labels in messages; empty for that of their column.
        convert: (columns, first row, errors, facts) -> the columns from which texts and labels are read.
        made: the typed columns of a corpus beside `id`, `text` and the labels.
        typed: (columns, texts, first row, errors) -> those of them that there are.
        facts: sentences for the notes of a corpus, by the name of what `convert` counts.
    """

    columns: Mapping[str, str]
    text: str = "text"
    label_columns: tuple[str, ...] = ()
    labels: str = ""
    convert: Callable[[Untyped, int, RowErrors, Counter[str]], Untyped] = _unchanged
    made: tuple[str, ...] = ()
    typed: Callable[[Untyped, pa.Array, int, RowErrors], dict[str, pa.Array]] = _nothing
    facts: Mapping[str, str] = field(default_factory=dict)


TEXTS, DOCUMENTS, ENTITIES = "texts", "documents", "entities"

ROW_KINDS: dict[str, RowKind] = {
    TEXTS: RowKind({name: name for name in ("text", "label", "labels")}, label_columns=("label", "labels")),
    DOCUMENTS: RowKind(
        documents.COLUMNS,
        text="document",
        convert=documents.join_sentence_columns,
        made=documents.MADE,
        typed=documents.typed_columns,
    ),
    ENTITIES: RowKind(
        spans.COLUMNS,
        label_columns=spans.LABEL_COLUMNS,
        labels="spans",
        convert=spans.convert_columns,
        made=spans.MADE,
        typed=spans.typed_columns,
        facts=spans.FACTS,
    ),
}
"""The kinds of rows by name. One line a kind."""

CORPUS_COLUMNS = ("id", "text", "label", "labels", *(name for kind in ROW_KINDS.values() for name in kind.made))
"""The columns of a corpus of any kind, apart from the domain of merged ones; see `data/corpus.py`."""
