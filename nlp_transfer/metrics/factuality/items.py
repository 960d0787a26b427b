"""An item of a text that can be checked: the values that a document with it holds, and those that it needs.

They differ: "March 3, 2020" vouches for the month too, but is vouched for by the day only.
"""

from collections.abc import Hashable
from dataclasses import dataclass

KINDS = ("number", "date", "money", "citation")
"""The kinds of items. A piece of text is of one kind only, the most specific."""

Value = tuple[Hashable, ...]
"""A value such as ("number", 5) or ("date", 2020, 3, 3)."""

Needs = tuple[frozenset[Value], ...]
"""Alternatives: a document supports an item if it holds all values of one. Without any there is nothing to check."""


@dataclass(frozen=True)
class Item:
    """Keep an item at text[start:end], its kind, what it vouches for and what it needs."""

    kind: str
    start: int
    end: int
    vouches: frozenset[Value]
    needs: Needs


def one_of(*values: Value) -> Needs:
    """Return alternatives of one value each.

    Example:
        >>> len(one_of(("number", 5), ("amount", 5)))
        2
    """
    return tuple(frozenset([value]) for value in values)


def take(taken: bytearray, start: int, end: int) -> bool:
    """Mark text[start:end] as taken; return False, and mark nothing, if any of it was taken before."""
    free = 1 not in taken[start:end]
    if free:
        taken[start:end] = b"\1" * (end - start)
    return free
