"""Detect blank texts: empty, white space, or characters without a visible form.

A text of a byte order mark, a soft hyphen or zero-width spaces looks empty, and tokenizers drop it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from nlp_transfer.data.source import RowBatch

_WITHOUT_WIDTH = (
    r"\p{Cc}\p{Cf}"  # controls, and formats such as U+200B, U+FEFF and U+00AD
    r"\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}"
    r"\x{E0100}-\x{E01EF}"  # what Unicode calls letters, marks or symbols and draws as nothing: fillers, selectors
)

INVISIBLE = rf"\p{{Z}}{_WITHOUT_WIDTH}"
"""Invisible characters, as a character class of RE2."""

BLANK_PROBLEM = "is empty or has no visible character"
"""Problem text for a blank text."""


def blank_mask(texts: pa.Array) -> pa.Array:
    """Return True for texts without a visible character.

    Example:
        >>> blank_mask(pa.array(["a", " ", None])).to_pylist()
        [False, True, False]
    """
    visible = pc.match_substring_regex(texts, f"[^{INVISIBLE}]")
    return pc.invert(visible.fill_null(True))


def is_blank(text: str) -> bool:
    r"""Return True if a text has no visible character.

    Example:
        >>> is_blank("\u200b"), is_blank("§")
        (True, False)
    """
    return bool(blank_mask(pa.array([text], pa.string()))[0].as_py())


def visible_forms(texts: list[str]) -> list[str]:
    r"""Return texts as they look: composed, without invisible characters, each run of white space as one blank.

    Two texts with one form differ only in invisible characters.

    Example:
        >>> visible_forms(["e\u0301  a\u200b"])
        ['é a']
    """
    spaced = pc.replace_substring_regex(pa.array(texts, pa.string()), r"[\p{Z}\s]+", " ")
    seen = pc.replace_substring_regex(spaced, f"[{_WITHOUT_WIDTH}]", "")
    forms: list[str] = pc.utf8_normalize(pc.utf8_trim_whitespace(seen), form="NFC").to_pylist()
    return forms


def rows_with_text(batch: RowBatch, column: str) -> Iterator[RowBatch]:
    """Yield the runs of consecutive rows whose text has a visible character.

    Example:
        >>> [part.first_row for part in rows_with_text(RowBatch(1, ("text",), {"text": ["", "a", " ", "b"]}), "text")]
        [2, 4]
    """
    values = batch.columns[column]
    objects = values if isinstance(values, list) else values.to_pylist()
    texts = [value if isinstance(value, str) else "" if value is None else "-" for value in objects]
    empty = blank_mask(pa.array([text.encode(errors="replace").decode() for text in texts], pa.string())).to_pylist()
    for blank, rows in itertools.groupby(range(len(texts)), key=empty.__getitem__):
        if not blank:
            start, *_, last = [*rows] * 2
            part = {name: values[start : last + 1] for name, values in batch.columns.items()}
            yield replace(batch, first_row=batch.first_row + start, columns=part)
