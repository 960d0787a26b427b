"""JSON objects with every key once: Python's own reader keeps the last of two and says nothing of the first."""

import json
from pathlib import Path
from typing import Any

from nlp_transfer.errors import DataError


class RepeatedKey(dict[str, Any]):
    """An object that gives a key twice. Only that of a row matters: what lies deeper in it is no column.

    Args:
        pairs: its keys and values, in order.
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.key = next(name for name in names if names.count(name) > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else RepeatedKey(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=_object)
"""Reads JSON; an object with a repeated key becomes a `RepeatedKey`."""


def repeated_key(path: Path, place: str, record: RepeatedKey) -> DataError:
    """The error for a row that gives a key twice."""
    return DataError(
        f"{path}: {place}: repeats the key {record.key!r}; one of its values would be lost. Take one away."
    )
