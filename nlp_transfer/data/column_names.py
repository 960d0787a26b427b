"""Match the names of columns, and find columns of text and of labels in the first rows."""

import contextlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

from nlp_transfer.data.source import RowBatch

_SAMPLED_ROWS = 200
_MAX_MARKS = 20  # maximum number of columns of marks that a message lists
_SET = frozenset(["1", "1.0", "true"])
_MARKS = _SET | {"0", "0.0", "false"}
_MIN_WORDS = 3  # mean number of words from which strings are running text


class ColumnNames(Container[str]):
    """Names of columns to read, which match in any case and with blanks around.

    Example:
        >>> "Clause " in ColumnNames(["clause"])
        True
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._folded = {_folded(name) for name in self._names}

    def __contains__(self, name: object) -> bool:
        return _folded(str(name)) in self._folded

    def found(self, available: Iterable[str]) -> dict[str, str]:
        """Return the names by the source's own: the same, else the only one that matches.

        Example:
            >>> ColumnNames(["text", "label"]).found(["Text ", "label", "LABEL"])
            {'Text ': 'text', 'label': 'label'}
        """
        result = {}
        for name in self._names:
            alike = [other for other in available if _folded(other) == _folded(name) and other not in self._names]
            if name in available:
                result[name] = name
            elif len(alike) == 1:
                result[alike[0]] = name
        return result

    def notes(self, available: Iterable[str]) -> list[str]:
        """Return a note for each name that matches another."""
        pairs = self.found(available).items()
        return [f"Column {theirs!r} is read as {name!r}." for theirs, name in pairs if theirs != name]


class AllColumns(Container[str]):
    """Names of all columns of a source."""

    def __contains__(self, name: object) -> bool:
        return True


def first_rows(batches: Iterable[RowBatch]) -> RowBatch:
    """Return the first rows as one batch of Python objects; empty without rows.

    Example:
        >>> first_rows([RowBatch(1, ("a",), {"a": [1]}), RowBatch(3, ("a",), {"a": [2]})]).columns
        {'a': [1, 2]}
    """
    first: RowBatch | None = None
    columns: dict[str, list[Any]] = {}
    for batch in batches:
        first = first or batch
        for name, values in batch.columns.items():
            part = values[:_SAMPLED_ROWS]
            with contextlib.suppress(UnicodeDecodeError):
                columns.setdefault(name, []).extend(part if isinstance(part, list) else part.to_pylist())
        if max(map(len, columns.values()), default=0) >= _SAMPLED_ROWS:
            break
    return replace(first, columns=columns) if first else RowBatch(1, (), {})


def text_columns(batch: RowBatch, min_words: int = 0) -> list[str]:
    """Return the columns of strings with letters, the one with the longest strings first.

    Args:
        min_words: minimum of the mean number of words.

    Example:
        >>> text_columns(RowBatch(1, ("id", "text"), {"id": ["7"], "text": ["a clause"]}))
        ['text']
    """
    lengths = {}
    for name, values in batch.columns.items():
        strings = [value for value in values if isinstance(value, str) and value.strip()]
        if any(character.isalpha() for value in strings for character in value):
            words = sum(len(value.split()) for value in strings) / len(strings)
            if words >= min_words:
                lengths[name] = sum(map(len, strings)) / len(strings)
    return sorted(lengths, key=lambda name: -lengths[name])


def text_suggestion(batch: RowBatch, setting: str) -> str:
    """Return advice that names the column with the longest strings, and other columns of text.

    Args:
        setting: how to name the column, with `{}` in its place.

    Example:
        >>> text_suggestion(RowBatch(1, ("id", "body"), {"id": [7], "body": ["a clause"]}), "--text_column {}")
        'Name it: --text_column body.'
    """
    columns = text_columns(batch)
    if not columns:
        return "No column holds text."
    others = [name for name in text_columns(batch, _MIN_WORDS) if name != columns[0]]
    more = f" Text is in {' and '.join(map(repr, others))}, too: join what belongs together." if others else ""
    return f"Name it: {setting.format(columns[0])}.{more}"


def pair_suggestion(batch: RowBatch, missing: Sequence[str], taken: Container[str], key: str) -> str:
    """Return advice that names columns of text for those that are missing, in the order of the file.

    Args:
        taken: columns that have another role.
        key: path of the corpus in the configuration.

    Example:
        >>> batch = RowBatch(1, ("premise", "claim"), {"premise": ["a long clause"], "claim": ["a claim"]})
        >>> pair_suggestion(batch, ["first", "second"], ["id"], "source")
        'Name them: `source.columns: {premise: first, claim: second}`.'
    """
    free = [name for name in text_columns(batch) if name not in taken][: len(missing)]
    names = [*(name for name in batch.available if name in free), *["NAME"] * len(missing)]
    listed = ", ".join(f"{theirs}: {ours}" for theirs, ours in zip(names, missing, strict=False))
    return f"Name {'it' if len(missing) == 1 else 'them'}: `{key}.columns: {{{listed}}}`."


def label_column_like(batch: RowBatch, known: Container[str]) -> str:
    """Return the column of the fewest different values, at best two and more, words rather than marks such as 0 and 1.

    Example:
        >>> label_column_like(RowBatch(1, ("nr", "kind"), {"nr": [1, 2, 3], "kind": ["a", "b", "a"]}), ["text"])
        'kind'
    """
    ranks = {}
    for name, values in batch.columns.items():
        different = {str(value).lower() for value in values}
        if different and name not in known:
            words = any(value[:1].isalpha() for value in different - {"true", "false", "yes", "no", "none", "x"})
            ranks[name] = (len(different) < 2, not words, len(different))
    return min(ranks, key=lambda name: ranks[name], default="category")


def label_suggestion(batch: RowBatch, known: Container[str], key: str) -> str:
    """Return advice that names the column of labels, or the columns of 0 and 1 that mark one class each.

    Args:
        known: columns that hold no labels.
        key: path of the corpus in the configuration.

    Example:
        >>> label_suggestion(RowBatch(1, ("tax", "tort"), {"tax": [0, 1], "tort": [1, 1]}), ["text"], "source")
        'Name them: `source.columns: {tax: labels, tort: labels}`.'
    """
    best = label_column_like(batch, known)
    cells = {name: [str(value).lower() for value in values] for name, values in batch.columns.items()}
    marks = {name: values for name, values in cells.items() if name not in known and _MARKS.issuperset(values)}
    if best not in marks or len(marks) < 2:
        return f"Name it: `{key}.columns: {{{best}: label}}`."
    single = all(sum(mark in _SET for mark in row) == 1 for row in zip(*marks.values(), strict=False))
    renames = [f"{name}: {'label' if single else 'labels'}" for name in marks]
    more = ", …" if len(renames) > _MAX_MARKS else ""
    return f"Name them: `{key}.columns: {{{', '.join(renames[:_MAX_MARKS])}{more}}}`."


def unread_text_note(batch: RowBatch, read: Container[str]) -> list[str]:
    """Return a note that names the columns of running text that are not read."""
    unread = [repr(name) for name in text_columns(batch, _MIN_WORDS) if name not in read]
    return [f"Columns of text that are not read: {', '.join(unread)}."] if unread else []


def _folded(name: str) -> str:
    return name.strip().casefold()
