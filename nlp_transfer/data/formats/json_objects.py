"""Decode JSON objects and detect repeated keys, of which Python's decoder keeps the last."""

import json
from pathlib import Path
from typing import Any

from nlp_transfer.errors import DataError


class RepeatedKey(dict[str, Any]):
    """Object with a repeated key.

    Example:
        >>> DECODER.decode('{"text": "a", "text": "b"}').key
        'text'
    """

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.key = next(name for name in names if names.count(name) > 1)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else RepeatedKey(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=_object)
"""JSON decoder; an object with a repeated key becomes a `RepeatedKey`."""


def repeated_key(path: Path, place: str, record: RepeatedKey) -> DataError:
    """Return the error for a row with a repeated key."""
    return DataError(
        f"{path}: {place}: repeats the key {record.key!r}; one of its values would be lost. Take one away."
    )
