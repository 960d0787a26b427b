"""Collect bad rows, so that one message lists up to ten of them and their number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nlp_transfer.errors import DataError

_MAX_LISTED_ROWS = 10  # maximum number of rows that a message lists

LONE_SURROGATE_PROBLEM = "holds half a character (a lone surrogate, such as \\ud83d)"

NUL = "\0"
NUL_PROBLEM = "holds a NUL character"
NUL_ADVICE = "No text has one: is the file damaged, or not text at all? Mend it, or take it out."


@dataclass
class RowErrors:
    """Problems of the rows of one split.

    Args:
        unit: name of a row in messages; see `RowBatch`.
        ids: ids of the rows by number, to list them too.

    Example:
        >>> errors = RowErrors("train.csv")
        >>> errors.add("text is empty", "Mend these rows.", [3, 7])
        >>> errors.messages()
        ['train.csv: rows 3 and 7: text is empty. Mend these rows.']
    """

    where: str
    unit: str = "row"
    ids: Mapping[int, Any] | None = None
    _rows: dict[tuple[str, str], tuple[int, list[int]]] = field(default_factory=dict)

    def add(self, problem: str, advice: str, rows: Iterable[int]) -> None:
        """Record rows with a problem ("text is empty") and the remedy."""
        count, listed = self._rows.get((problem, advice), (0, []))
        for row in rows:
            count += 1
            if len(listed) < _MAX_LISTED_ROWS:
                listed.append(int(row))
        if count:
            self._rows[problem, advice] = (count, listed)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def first_row(self) -> int | None:
        """Return the first bad row, if rows were added in order; None if there is none."""
        return min((listed[0] for _, listed in self._rows.values()), default=None)

    def messages(self) -> list[str]:
        """Return one message a problem."""
        return [
            f"{self.where}: {row_list(listed, count, self.unit, self.ids)}: {problem}. {advice}"
            for (problem, advice), (count, listed) in self._rows.items()
        ]

    def check(self) -> None:
        """Raise `DataError` with all messages, if there are any."""
        if self._rows:
            raise DataError(self.messages())


def row_list(listed: list[int], count: int, unit: str = "row", ids: Mapping[int, Any] | None = None) -> str:
    """List rows: `row 3`, `rows 3 and 7`, `rows 3, 7, … (12 rows)`; with ids `line 3 (id 2)`.

    Example:
        >>> row_list([3, 7], 2)
        'rows 3 and 7'
    """
    if count > len(listed):
        rest = "" if ids is None else f"; ids {', '.join(repr(ids[row]) for row in listed)}, …"
        return f"{unit}s {', '.join(map(str, listed))}, … ({count} {unit}s{rest})"
    plural = "" if count == 1 else "s"
    named = f"{unit}{plural} {_listed(map(str, listed))}"
    return named if ids is None else f"{named} (id{plural} {_listed(repr(ids[row]) for row in listed)})"


def _listed(words: Iterable[str]) -> str:
    """Join words: `3`, `3 and 7`, `3, 5 and 7`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
