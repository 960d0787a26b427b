"""Check documents with summaries and convert their columns; the sentences of a list become lines of one text."""

import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.data.validation.strings import as_strings, holds_lists

COLUMNS = {"document": "text", "summary": "summary", "highlights": "highlights"}
"""Columns of a corpus of documents, and the columns that they become."""

MADE = ("summary", "sentence_starts", "highlights")
"""Typed columns of documents."""

_SEPARATOR = "\n"  # separator of the sentences of a list
_OFFSETS = pa.list_(pa.int32())


def join_sentence_columns(
    columns: dict[str, Any], first: int, errors: RowErrors, facts: Counter[str], find_file: Any = None
) -> dict[str, Any]:
    """Return the columns with lists of sentences joined, and `sentence_starts`; see `RowKind.convert`."""
    texts = columns.get("text", [])
    if not holds_lists(texts):
        return {**columns, "sentence_starts": pa.array([[]] * len(texts), _OFFSETS)}
    joined, starts = join_sentence_lists(to_list(texts), first, errors)
    return {**columns, "text": joined, "sentence_starts": starts}


def typed_columns(columns: dict[str, Any], texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    """Return `sentence_starts`, and `summary` and `highlights` if there are any; see `RowKind.typed`."""
    typed = {"sentence_starts": columns["sentence_starts"]}
    if "summary" in columns:
        typed["summary"] = as_strings(columns["summary"], "summary", first, errors)
    if "highlights" in columns:
        passages = to_list(columns["highlights"])
        typed["highlights"] = highlight_offsets(passages, texts.to_pylist(), first, errors)
    return typed


def join_sentence_lists(values: list[Any], first: int, errors: RowErrors) -> tuple[list[Any], pa.Array]:
    """Return documents as texts, and the first character of each sentence (empty for documents that are strings).

    Args:
        values: strings or lists of strings; other values are returned unchanged for the check of strings.
    """
    texts: list[Any] = []
    starts: list[list[int]] = []
    for row, value in enumerate(values, first):
        text: Any = value
        begins: list[int] = []
        if isinstance(value, list):
            wrong = [i for i, sentence in enumerate(value) if not isinstance(sentence, str) or not sentence.strip()]
            if wrong or not value:
                what = (
                    f"sentence {wrong[0]} (from 0) of the document is empty or no string" if wrong else "document is []"
                )
                errors.add(what, "Each sentence of a document is a string with text: mend or remove these rows.", [row])
                text = "-"
            else:
                text, begins = join_sentences(value)
        texts.append(text)
        starts.append(begins)
    return texts, pa.array(starts, _OFFSETS)


def join_sentences(sentences: list[str]) -> tuple[str, list[int]]:
    r"""Join sentences to a text with one a line; return it with the first character of each sentence.

    Example:
        >>> join_sentences(["One.", "Two."])
        ('One.\nTwo.', [0, 5])
    """
    lengths = np.array([len(sentence) + len(_SEPARATOR) for sentence in sentences], dtype=int)
    return _SEPARATOR.join(sentences), (np.cumsum(lengths) - lengths).tolist()


def highlight_offsets(values: list[Any], texts: list[Any], first: int, errors: RowErrors) -> pa.Array:
    """Return the start and end of each highlighted passage in turn, shape (rows,) of lists.

    Args:
        values: lists of passages, in any order; a repeated passage matches its first occurrence.
        texts: the documents; None or no string if they are invalid.
    """
    rows: list[list[int]] = []
    for row, (value, text) in enumerate(zip(values, texts, strict=True), first):
        offsets: list[int] = []
        rows.append(offsets)
        if not isinstance(text, str):
            continue
        if not isinstance(value, list) or not all(isinstance(passage, str) and passage.strip() for passage in value):
            kind = "missing (null)" if value is None else "not a list of passages"
            advice = "Write a list of strings, [] where there are none; CSV has no lists: use JSON Lines or Parquet."
            errors.add(f"highlights is {kind}", advice, [row])
            continue
        after = 0
        for passage in value:
            place = _find(text, passage, after) or _find(text, passage, 0)
            if place is None:
                short = passage if len(passage) <= 60 else f"{passage[:57]}…"
                problem = f"highlights holds a passage that is not in the document: {short!r}"
                errors.add(problem, "Copy passages as they stand there, or remove them.", [row])
                break
            offsets += place
            after = place[1]
    return pa.array(rows, _OFFSETS)


def to_list(values: Any) -> list[Any]:
    """Return a column as Python objects."""
    return values if isinstance(values, list) else values.to_pylist()


def _find(text: str, passage: str, after: int) -> tuple[int, int] | None:
    """Return the start and end of a passage, ignoring white space; None if it is missing."""
    passage = passage.strip()
    start = text.find(passage, after)
    if start >= 0:
        return start, start + len(passage)
    pattern = r"\s+".join(map(re.escape, passage.split()))
    match = re.compile(pattern).search(text, after)
    return None if match is None else match.span()
