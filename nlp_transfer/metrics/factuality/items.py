"""Define an item of a text: the values that a document with it holds, and those that it needs.

They differ: "March 3, 2020" vouches for the month too, but only the day vouches for it.
"""

from collections.abc import Hashable
from dataclasses import dataclass

KINDS = ("number", "date", "money", "citation")
"""The kinds of items. A piece of text is of one kind only, the most specific."""

Value = tuple[Hashable, ...]
"""A value such as ("number", 5) or ("date", 2020, 3, 3)."""


@dataclass(frozen=True)
class Item:
    """Item at text[start:end], with what it vouches for and what it needs: one of these values, or nothing if empty."""

    kind: str
    start: int
    end: int
    vouches: frozenset[Value]
    needs: frozenset[Value]


def take(taken: bytearray, item: Item) -> bool:
    """Mark an item's characters with 1 in `taken`; return False, and mark nothing, if some of them are marked."""
    free = 1 not in taken[item.start : item.end]
    if free:
        taken[item.start : item.end] = b"\1" * (item.end - item.start)
    return free
