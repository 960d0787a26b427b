"""Check that the labels of a split are of one type: strings or integers, one a row or lists.

Booleans become `false` and `true`; whole floating-point numbers, as data frames make them, become integers. Each label
is kept as JSON text, so that 1 and "1" stay apart until `data/validation/labels.py` names the classes.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from nlp_transfer.data.validation.blank import BLANK_PROBLEM, is_blank
from nlp_transfer.data.validation.row_errors import LONE_SURROGATE_PROBLEM, NUL, NUL_ADVICE, NUL_PROBLEM, RowErrors
from nlp_transfer.errors import DataError

_KINDS: dict[type, str] = {str: "a string", int: "an integer", bool: "a boolean", float: "a number"}
"""Names of label types in messages."""


@dataclass
class LabelTypes:
    """Type of a split's labels, inferred from its first row."""

    errors: RowErrors
    key: str
    needed: bool = True
    noun: str = ""
    _multi: bool | None = None
    _kind: tuple[str, int] | None = None
    _json: dict[Any, str] = field(default_factory=dict)

    def typed(self, values: Any, column: str, first: int) -> tuple[bool, pa.Array]:
        """Return True if rows hold lists, and the labels as JSON, strings or lists of strings, shape (rows,).

        Raises:
            DataError: types are mixed, or not allowed for labels.
        """
        rows = values if isinstance(values, list) else self._python(values, column, first)
        encoded: list[str | list[str] | None] = []
        missing = []
        for row, value in enumerate(rows, first):
            if value is None or (isinstance(value, float) and math.isnan(value)):  # as data frames write it
                missing.append(row)
                encoded.append(None)
                continue
            self._same_shape(isinstance(value, list), column, row)
            if isinstance(value, list):
                encoded.append([self._encode(item, column, row) for item in value])
            else:
                encoded.append(self._encode(value, column, row))
        if self.needed:
            advice = "Label these rows, or move them to a split named `unlabeled`."
            self.errors.add(f"{self.noun or column} is missing (null)", advice, missing)
        multi = column == "labels" if self._multi is None else self._multi
        return multi, pa.array(encoded, pa.list_(pa.string()) if multi else pa.string())

    def _python(self, values: pa.Array | pa.ChunkedArray, column: str, first: int) -> list[Any]:
        """Return an Arrow array's values; raise `DataError` for strings that are not UTF-8."""
        try:
            return values.to_pylist()
        except UnicodeDecodeError:
            for row, value in enumerate(values, first):
                try:
                    value.as_py()
                except UnicodeDecodeError:
                    self.errors.add(f"{column} is not UTF-8", "Convert these rows to UTF-8.", [row])
            self.errors.check()
            raise

    def _same_shape(self, multi: bool, column: str, row: int) -> None:
        """Raise `DataError` if some rows hold lists and others do not, or `labels` holds none."""
        if not multi and column == "labels":
            raise DataError(
                f'{self.errors.where}: row {row}: column \'labels\' holds no list. Write a list such as ["a", "b"], or '
                f"set {self.key}.label_separator for cells such as `a; b`, or rename the column: "
                f"`{self.key}.columns: {{labels: label}}`."
            )
        if self._multi is None:
            self._multi = multi
        elif multi != self._multi:
            kind = "a list" if multi else "no list"
            raise DataError(
                f"{self.errors.where}: column {column!r} mixes types: row {row} holds {kind}, unlike the rows before."
            )

    def _encode(self, value: Any, column: str, row: int) -> str:
        """Return one label as JSON."""
        kind = _KINDS.get(type(value))
        if kind == "a number":
            if not value.is_integer():
                raise DataError(
                    f"{self.errors.where}: row {row}: {column} is {value}; a class is a string or a whole number."
                )
            kind, value = "an integer", int(value)
        if kind is None or (kind == "a string" and not value.strip()):
            description = "empty" if kind == "a string" else "null" if value is None else f"a {type(value).__name__}"
            self.errors.add(f"{column} is {description}", "A label is a string or an integer; mend these rows.", [row])
            return '"-"'
        if self._kind is None:
            self._kind = (kind, row)
        elif kind != self._kind[0]:
            raise DataError(
                f"{self.errors.where}: column {column!r} mixes types: row {self._kind[1]} holds {self._kind[0]}, "
                f"row {row} {kind} ({value!r})."
            )
        if kind == "a boolean":
            value = str(value).lower()
        if value not in self._json:
            if isinstance(value, str) and self._unreadable(value, column, row):
                return '"-"'
            self._json[value] = json.dumps(value)
        return self._json[value]

    def _unreadable(self, value: str, column: str, row: int) -> bool:
        """Record a label with NUL, lone surrogates or only invisible characters; return True for one."""
        if NUL in value:
            self.errors.add(f"{column} {NUL_PROBLEM}", NUL_ADVICE, [row])
            return True
        try:
            value.encode()
        except UnicodeEncodeError:
            self.errors.add(f"{column} {LONE_SURROGATE_PROBLEM}", "Write the character whole.", [row])
            return True
        if is_blank(value):
            self.errors.add(f"{column} {BLANK_PROBLEM}", "A label is a string or an integer; mend these rows.", [row])
            return True
        return False
