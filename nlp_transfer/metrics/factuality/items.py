"""An item of a text that can be checked, as a document vouches for it and as a summary claims it.

Both are sets of values, such as ("number", 5) or ("date", 2020, 3, 3). They differ: "March 3, 2020" vouches for the
month too, but is vouched for by the day alone.
"""

from collections.abc import Hashable
from dataclasses import dataclass

KINDS = ("number", "date", "money", "section", "citation", "party")
"""What is looked for. A piece of text is of one kind only, the most specific."""

Value = tuple[Hashable, ...]
"""Its first part says what the others are."""

Needs = tuple[frozenset[Value], ...]
"""Alternatives: an item stands in a document that holds all values of one of them. Without any there is nothing to
check."""


@dataclass(frozen=True)
class Item:
    """Something that can be checked.

    Args:
        kind: of `KINDS`.
        start: its first character.
        end: the one after its last.
        vouches: values that a document with this item holds.
        needs: what a document must hold if a summary has this item.
    """

    kind: str
    start: int
    end: int
    vouches: frozenset[Value]
    needs: Needs


def one_of(*values: Value) -> Needs:
    """Each value alone is enough."""
    return tuple(frozenset([value]) for value in values)
