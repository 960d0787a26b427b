"""What a network reads of a corpus's rows: a text, a pair of texts, or an image."""

from collections.abc import Iterable, Mapping
from typing import Any

from nlp_transfer.data.corpus import DIGEST, IMAGE, SECOND


def row_inputs(rows: Any) -> list[Any]:
    """Return the texts of a corpus's rows or of columns of them; of pairs tuples of both; of images these as held.

    Example:
        >>> row_inputs({"text": ["a clause"], "second": ["a claim"]})
        [('a clause', 'a claim')]
    """
    names = rows if isinstance(rows, Mapping) else rows.column_names
    if IMAGE in names:
        return list(rows[IMAGE])
    texts = list(rows["text"])
    return list(zip(texts, rows[SECOND], strict=True)) if SECOND in names else texts


def content_column(names: Iterable[str]) -> str:
    """Return the column by which rows are the same or not: the text, or the digest of an image's file.

    Example:
        >>> content_column(["id", "text"])
        'text'
    """
    return DIGEST if DIGEST in names else "text"


def row_noun(names: Iterable[str]) -> str:
    """Return the word for what is compared of rows: an image, the first text of a pair, or a text."""
    return "image" if DIGEST in names else "first text" if SECOND in names else "text"
