"""The kinds of rows of a corpus: what is read of each row, and the typed columns that it becomes.

A new kind is one object and a line in `ROW_KINDS`; a task names its kind (`Columns.kind`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nlp_transfer.data.corpus import DIGEST, IMAGE, SECOND, VALUES
from nlp_transfer.data.validation import documents, images, spans, values
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.data.validation.strings import as_strings, join_paragraphs

Untyped = dict[str, Any]
"""Columns by our names, as a source holds them."""


def _unchanged(columns: Untyped, first: int, errors: RowErrors, facts: Counter[str], find_file: Any = None) -> Untyped:
    return columns


def _nothing(columns: Untyped, texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    return {}


def _second_texts(columns: Untyped, texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    return {SECOND: as_strings(join_paragraphs(columns[SECOND]), SECOND, first, errors, advice=BOTH_TEXTS)}


def _second_texts_and_values(columns: Untyped, texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    return _second_texts(columns, texts, first, errors) | values.typed_columns(columns, texts, first, errors)


BOTH_TEXTS = "Every pair needs both texts: mend or remove these rows."
"""Advice on pairs that lack a text."""


@dataclass(frozen=True)
class RowKind:
    """A kind of rows.

    Args:
        columns: what is read beside `id` (theirs: ours).
        texts: the user's names of the columns that each row must have; the first one is the text.
        label_columns: those of our columns that hold labels or what they are made of; empty for rows without labels.
        references: those of our columns, beside labels, that rows are learned from; rows without any are unlabelled.
        gathered: our column that several of theirs become together, as a dict by name; empty without.
        labels: the name of the labels in messages; empty for that of their column.
        convert: (columns, first row, errors, facts, `RawSplit.find_file`) -> the columns from which texts and labels
            are read.
        made: the typed columns of a corpus beside `id`, `text` and the labels.
        typed: (columns, texts, first row, errors) -> those of them that there are.
        text_of: of rows without a text column, what makes one of another column, by its name.
        facts: sentences for the notes of a corpus, by the name of what `convert` counts.
        names_files: rows may be names of files, on which they depend.
    """

    columns: Mapping[str, str]
    texts: tuple[str, ...] = ("text",)
    label_columns: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    gathered: str = ""
    labels: str = ""
    convert: Callable[[Untyped, int, RowErrors, Counter[str], Any], Untyped] = _unchanged
    made: tuple[str, ...] = ()
    typed: Callable[[Untyped, pa.Array, int, RowErrors], dict[str, pa.Array]] = _nothing
    text_of: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    names_files: bool = False


TEXTS, DOCUMENTS, ENTITIES, PAIRS, NUMBERS = "texts", "documents", "entities", "pairs", "numbers"
NUMBER_PAIRS, IMAGES = "number_pairs", "images"

ROW_KINDS: dict[str, RowKind] = {
    TEXTS: RowKind({name: name for name in ("text", "label", "labels")}, label_columns=("label", "labels")),
    DOCUMENTS: RowKind(
        documents.COLUMNS,
        texts=("document",),
        references=("summary", "highlights"),
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
        text_of={"data": spans.text_of_task, "tokens": spans.joined_words},
        facts=spans.FACTS,
    ),
    PAIRS: RowKind(
        {"first": "text", SECOND: SECOND, "label": "label", "labels": "labels"},
        texts=("first", SECOND),
        label_columns=("label", "labels"),
        made=(SECOND,),
        typed=_second_texts,
    ),
    NUMBERS: RowKind(
        values.COLUMNS,
        references=(VALUES,),
        gathered=VALUES,
        convert=values.gathered,
        made=(VALUES,),
        typed=values.typed_columns,
    ),
    NUMBER_PAIRS: RowKind(
        {"first": "text", SECOND: SECOND, "value": VALUES},
        texts=("first", SECOND),
        references=(VALUES,),
        gathered=VALUES,
        convert=values.gathered,
        made=(SECOND, VALUES),
        typed=_second_texts_and_values,
    ),
    IMAGES: RowKind(
        images.COLUMNS,
        texts=("image",),
        label_columns=("label", "labels"),
        convert=images.convert_columns,
        made=(IMAGE, DIGEST),
        typed=images.typed_columns,
        names_files=True,
    ),
}
"""The kinds of rows by name. One line a kind."""

REFERENCES = frozenset(name for kind in ROW_KINDS.values() for name in kind.references)
"""The columns, beside labels, that rows of any kind are learned from and judged by."""

_MADE = dict.fromkeys(name for kind in ROW_KINDS.values() for name in kind.made)

CORPUS_COLUMNS = ("id", "text", "label", "labels", *_MADE)
"""The columns of a corpus of any kind, apart from the domain of merged ones; see `data/corpus.py`."""
