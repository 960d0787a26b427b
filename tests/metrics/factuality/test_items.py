"""Characters that belong to one item only."""

from nlp_transfer.metrics.factuality.items import KINDS, Item, take


def item(start: int, end: int) -> Item:
    return Item("number", start, end, frozenset([("number", 5)]), frozenset([("number", 5)]))


def test_characters_are_taken_once():
    taken = bytearray(6)
    assert take(taken, item(1, 3))
    assert taken == b"\0\1\1\0\0\0"
    assert not take(taken, item(2, 5))
    assert taken == b"\0\1\1\0\0\0"
    assert take(taken, item(3, 6))


def test_kinds_are_those_of_counts():
    assert KINDS == ("number", "date", "money", "citation")
