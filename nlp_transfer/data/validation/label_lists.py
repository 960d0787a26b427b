"""Make lists of labels from columns that mark one class each, and from cells such as `a; b`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlp_transfer.data.validation.documents import to_list
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.errors import DataError

_SET = ("1", "1.0", "true", "yes", "x")
_UNSET = ("0", "0.0", "false", "no")


def split_labels(values: Any, separator: str) -> list[Any]:
    """Return the labels of each cell, without blanks around; an empty cell has none, and other values are kept.

    Example:
        >>> split_labels(["tax; contract", "", None], ";")
        [['tax', 'contract'], [], None]
    """
    return [
        list(dict.fromkeys(part for text in value.split(separator) if (part := text.strip())))
        if isinstance(value, str)
        else value
        for value in to_list(values)
    ]


def class_notes(classes: Sequence[str], marked: Sequence[str], separator: str | None, key: str) -> list[str]:
    """Return notes on columns without a mark, and on classes that look like several labels.

    Args:
        marked: the columns of one class each.
        separator: separator of the labels of a cell.

    Example:
        >>> class_notes(["tax", "tax; tort"], [], None, "source")
        ["Classes such as 'tax; tort' look like several labels a text: set source.label_separator: ';'."]
    """
    notes = []
    if unmarked := [repr(name) for name in marked if name not in classes]:
        notes.append(f"No row is marked in {', '.join(unmarked)}: there is no such class.")
    several = [name for name in classes if ";" in name]
    if several and separator is None:
        notes.append(f"Classes such as {several[0]!r} look like several labels a text: set {key}.label_separator: ';'.")
    return notes


@dataclass
class MarkedClasses:
    """Columns of one class each, with 1, true, yes or x in the rows of the class.

    Args:
        columns: the names of the classes.
        single: a row has exactly one class.

    Example:
        >>> MarkedClasses(RowErrors("a.csv"), ["tax", "tort"]).labels({"tax": ["1", "0"], "tort": ["1", "1"]}, 2)
        [['tax', 'tort'], ['tort']]
    """

    errors: RowErrors
    columns: Sequence[str]
    single: bool = False
    _empty: int | None = None
    _unset: int | None = None

    def labels(self, values: Mapping[str, Any], first: int) -> list[Any]:
        """Return the classes of each row, or its class.

        Args:
            values: the columns by their names.
            first: number of the first row.

        Raises:
            DataError: some cells that are not marked are empty, and others 0.
        """
        cells = [to_list(values[name]) for name in self.columns]
        rows: list[Any] = []
        for row, marks in enumerate(zip(*cells, strict=True), first):
            classes = [name for name, mark in zip(self.columns, marks, strict=True) if self._is_set(name, mark, row)]
            if self.single and len(classes) != 1:
                problem = f"{len(classes)} of the columns {', '.join(self.columns)} are marked"
                self.errors.add(problem, "Mark one, or rename these columns to `labels`.", [row])
                classes = [self.columns[0]]
            rows.append(classes[0] if self.single else classes)
        if self._empty is not None and self._unset is not None:
            raise DataError(
                f"{self.errors.where}: row {self._empty}: a column of {', '.join(self.columns)} is empty, while row "
                f"{self._unset} has 0. Write 0 or 1 in each row."
            )
        return rows

    def _is_set(self, name: str, mark: Any, row: int) -> bool:
        """Return True for a mark; record a cell that is neither a mark nor none."""
        text = "" if mark is None else str(mark).strip().lower()
        if text in ("", "nan"):
            self._empty = row if self._empty is None else self._empty
        elif text in _UNSET:
            self._unset = row if self._unset is None else self._unset
        elif text not in _SET:
            self.errors.add(f"{name} is {mark!r}, no mark of a class", "Write 0 or 1.", [row])
        return text in _SET
