"""Documents with summaries: how their columns become typed ones.

    document     a string, or the list of its sentences                 -> text, sentence_starts
    summary      a string                                               -> summary
    highlights   a list of passages that stand word for word in it      -> highlights

A document that is given as sentences becomes a text with one of them a line, and keeps their boundaries. Highlights
become character offsets, start and end in turn.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa

from nlp_transfer.data.validation.row_errors import RowErrors

COLUMNS = {"id": "id", "document": "text", "summary": "summary", "highlights": "highlights"}
"""What a corpus of documents is read from, and what each column becomes."""

SUMMARY_COLUMNS = ("summary", "sentence_starts", "highlights")
"""The typed columns that only a corpus of documents has."""

SEPARATOR = "\n"
"""What stands between the sentences of a document that is given as a list of them."""

_OFFSETS = pa.list_(pa.int32())


def join_sentence_lists(values: list[Any], first: int, errors: RowErrors) -> tuple[list[Any], pa.Array]:
    """Documents as texts, and where their sentences begin; an empty list for those that are strings.

    Args:
        values: strings, or lists of strings; what else there is comes back as it is, for the check of strings.
        first: the row of the first one.
        errors: takes the rows with sentences that are none.
    """
    texts: list[Any] = []
    starts: list[list[int]] = []
    for row, value in enumerate(values, first):
        if not isinstance(value, list):
            texts.append(value)
            starts.append([])
            continue
        wrong = [i for i, sentence in enumerate(value) if not isinstance(sentence, str) or not sentence.strip()]
        if wrong or not value:
            what = f"sentence {wrong[0]} (from 0) of the document is empty or no string" if wrong else "document is []"
            errors.add(what, "Each sentence of a document is a string with text: mend or remove these rows.", [row])
            texts.append("-")
            starts.append([])
            continue
        text, begins = join_sentences(value)
        texts.append(text)
        starts.append(begins)
    return texts, pa.array(starts, _OFFSETS)


def join_sentences(sentences: list[str]) -> tuple[str, list[int]]:
    """Sentences as a text with one of them a line, and where each begins."""
    lengths = np.array([len(sentence) + len(SEPARATOR) for sentence in sentences], dtype=int)
    return SEPARATOR.join(sentences), (np.cumsum(lengths) - lengths).tolist()


def highlight_offsets(values: list[Any], texts: list[Any], first: int, errors: RowErrors) -> pa.Array:
    """Where highlighted passages stand in their documents: start and end of each in turn, shape (rows,) of lists.

    Args:
        values: lists of passages, in any order; one that stands there several times, and is given once, is its first.
        texts: the documents; None or no string where they are faulty themselves.
        first: the row of the first one.
        errors: takes the rows whose passages are no strings, or not in their documents.
    """
    found: list[list[int]] = []
    for row, (value, text) in enumerate(zip(values, texts, strict=True), first):
        offsets: list[int] = []
        found.append(offsets)
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
                problem = f"highlights holds a passage that is not in the document: {_quoted(passage)}"
                errors.add(problem, "Copy passages as they stand there, or remove them.", [row])
                break
            offsets += place
            after = place[1]
    return pa.array(found, _OFFSETS)


def to_list(values: Any) -> list[Any]:
    """A column as Python objects."""
    return values if isinstance(values, list) else values.to_pylist()


def _find(text: str, passage: str, after: int) -> tuple[int, int] | None:
    """Where a passage stands, white space aside; None where it does not."""
    passage = passage.strip()
    start = text.find(passage, after)
    if start >= 0:
        return start, start + len(passage)
    pattern = r"\s+".join(map(re.escape, passage.split()))
    match = re.compile(pattern).search(text, after)
    return None if match is None else match.span()


def _quoted(passage: str) -> str:
    return repr(passage if len(passage) <= 60 else f"{passage[:57]}…")
