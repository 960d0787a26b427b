"""Fields of dataclasses as a user reads them."""

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from nlp_transfer.config.field_docs import described_fields, field_docs, names_of, type_name


class Speed(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Inner:
    """Hold a size.

    Args:
        size: of it, in rows.
    """

    size: int = 4


@dataclass
class Outer(Inner):
    """Hold a name.

    Args:
        name: the one
            that is shown.
    """

    name: str = "a"
    inner: Inner = field(default_factory=Inner)
    speed: Speed = field(default=Speed.FAST, metadata={"help": "100 %% or less"})


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (Any, "anything"),
        (Speed | str, "one of fast, slow"),
        (dict[str, int], "dict of str to int"),
        (tuple[float, ...], "list of float"),
        (Literal["a", 1] | None, "one of a, 1 or null"),
    ],
)
def test_types_in_words(hint, text):
    assert type_name(hint) == text


def test_only_closed_sets_have_names():
    assert names_of(Speed | str) == ["fast", "slow"]
    assert names_of(Literal["a", 1]) == ["a"]
    assert names_of(Literal["a"] | str) == []


def test_help_comes_from_docstrings_of_bases_and_from_metadata():
    assert field_docs(Outer) == {
        "size": "of it, in rows.",
        "name": "the one that is shown.",
        "inner": "",
        "speed": "100 % or less",
    }


def test_fields_of_sections_stand_under_their_path():
    assert list(described_fields(Outer, "o.", skip=["size"])) == [
        ("o.name", str, "a", "the one that is shown."),
        ("o.inner.size", int, 4, "of it, in rows."),
        ("o.speed", Speed, "fast", "100 % or less"),
    ]
