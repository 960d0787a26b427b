"""Check the numbers that regression learns from, and convert their columns to one of numbers by name.

A row has one number (column `value`) or several: columns that are renamed `value`, each of which keeps its own name, or
`value.NAME`, which names the number.
"""

import math
from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa

from nlp_transfer.data.corpus import VALUES
from nlp_transfer.data.validation.row_errors import RowErrors

COLUMNS = {"text": "text", "value": VALUES}
"""Columns of a corpus with numbers, and the columns that they become."""

_ADVICE = (
    "Write a plain number such as 1234.5, without units, thousands separators and decimal commas; or remove the row."
)

_MAX_EXAMPLES = 3  # bad values that a message shows


def typed_columns(columns: dict[str, Any], texts: pa.Array, first: int, errors: RowErrors) -> dict[str, pa.Array]:
    """Return the numbers of each row as a struct of their names, if there are any; see `RowKind.typed`."""
    given = columns.get(VALUES)
    if given is None:
        return {}
    names = list(dict.fromkeys(name for row in given if row is not None for name in row))
    bad: dict[str, dict[str, list[int]]] = {name: defaultdict(list) for name in names}
    numbers: dict[str, list[float]] = {name: [] for name in names}
    for number, row in enumerate(given, first):
        for name in names:
            value = None if row is None else row.get(name)
            parsed = _number(value)
            if parsed is None:
                bad[name][_shown(value)].append(number)
            numbers[name].append(0.0 if parsed is None else parsed)
    for name, found in bad.items():
        errors.add(f"{name} is missing", _ADVICE, found.pop("", []))
        examples = " or ".join([*list(found)[:_MAX_EXAMPLES], *(["…"] if len(found) > _MAX_EXAMPLES else [])])
        rows = sorted(row for rows in found.values() for row in rows)
        errors.add(f"{name} is {examples}, no finite number", _ADVICE, rows)
    arrays = [pa.array(values, pa.float64()) for values in numbers.values()]
    return {VALUES: pa.StructArray.from_arrays(arrays, names)}


def gathered(
    columns: dict[str, Any], first: int, errors: RowErrors, facts: Counter[str], find_file: Any = None
) -> dict[str, Any]:
    """Return the columns with those of numbers, a dict by name, as one dict a row; see `RowKind.convert`."""
    own = columns.get(VALUES)
    if not isinstance(own, dict):
        return columns
    lists = [values if isinstance(values, list) else values.to_pylist() for values in own.values()]
    return {**columns, VALUES: [dict(zip(own, row, strict=True)) for row in zip(*lists, strict=True)]}


def _number(value: Any) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(value: Any) -> str:
    """Return a bad value for a message; empty for one that is missing."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return ""
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
