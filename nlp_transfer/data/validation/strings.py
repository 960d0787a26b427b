"""Check that a column holds strings, and name the rows that do not."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nlp_transfer.data.validation.blank import BLANK_PROBLEM, blank_mask
from nlp_transfer.data.validation.row_errors import LONE_SURROGATE_PROBLEM, NUL, NUL_ADVICE, NUL_PROBLEM, RowErrors
from nlp_transfer.errors import DataError


def article(noun: str) -> str:
    """Return the article of a noun.

    Example:
        >>> article("image"), article("text")
        ('an', 'a')
    """
    return "an" if noun[:1] in "aeiou" else "a"


def holds_lists(values: Any) -> bool:
    """Return True if the first value that is not missing is a list.

    Example:
        >>> holds_lists([None, ["a"]])
        True
    """
    if isinstance(values, list):
        return isinstance(next((value for value in values if value is not None), None), list)
    return pa.types.is_list(values.type) or pa.types.is_large_list(values.type)


def join_paragraphs(values: Any) -> Any:
    """Return a column in which lists of strings, such as the paragraphs of a judgment, are one text each.

    Example:
        >>> join_paragraphs([["The facts.", "The law."], "One text."])
        ['The facts.\\nThe law.', 'One text.']
    """
    if not holds_lists(values) and not (isinstance(values, list) and any(isinstance(one, list) for one in values)):
        return values
    rows = values if isinstance(values, list) else values.to_pylist()
    return [
        "\n".join(row) if isinstance(row, list) and all(isinstance(one, str) for one in row) else row for row in rows
    ]


def as_strings(
    values: Any, column: str, first: int, errors: RowErrors, numbers: bool = False, advice: str | None = None
) -> pa.Array:
    """Return a column as non-empty strings without NUL characters, shape (rows,)."""
    advice = advice or f"Every row needs {article(column)} {column}: mend or remove these rows."
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
