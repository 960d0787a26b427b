"""Bad rows are gathered, not met one by one: a message names up to ten of them and how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from nlp_transfer.errors import DataError

SHOWN_ROWS = 10
"""Rows that a message names."""


@dataclass
class Faults:
    """What is wrong with the rows of one split.

    Args:
        where: what messages call the split, such as its file.
    """

    where: str
    _rows: dict[tuple[str, str], tuple[int, list[int]]] = field(default_factory=dict)

    def add(self, problem: str, advice: str, rows: Iterable[int]) -> None:
        """Note rows with a problem ("text is empty") and what to do about it."""
        count, shown = self._rows.get((problem, advice), (0, []))
        for row in rows:
            count += 1
            if len(shown) < SHOWN_ROWS:
                shown.append(int(row))
        if count:
            self._rows[problem, advice] = (count, shown)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def messages(self) -> list[str]:
        """One message a problem."""
        return [
            f"{self.where}: {row_list(shown, count)}: {problem}. {advice}"
            for (problem, advice), (count, shown) in self._rows.items()
        ]

    def check(self) -> None:
        """Raise DataError with all messages, if there are any."""
        if self._rows:
            raise DataError(self.messages())


def row_list(shown: list[int], count: int) -> str:
    """Word rows: `row 3`, `rows 3 and 7`, `rows 3, 7, … (12 rows)`."""
    if count == 1:
        return f"row {shown[0]}"
    if count > len(shown):
        return f"rows {', '.join(map(str, shown))}, … ({count} rows)"
    return f"rows {', '.join(map(str, shown[:-1]))} and {shown[-1]}"
