"""Fields of dataclasses as a user reads them."""

import enum
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from nlp_transfer.config.field_docs import described_fields, field_docs, names_of, type_name, unknown_name


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


PATHS = ["model", "task.max_length", "source.split.seed", "target.split.seed", "methods.lora.r", "methods.lora.alpha"]


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ("lora.rr", "Unknown key 'lora.rr'. Did you mean --methods.lora.r? Keys of methods.lora: r, alpha."),
        ("lora", "Unknown key 'lora'. Keys of methods.lora: r, alpha."),
        ("lroa.r", "Unknown key 'lroa.r'. Did you mean --methods.lora.r?"),
        ("max_lenght", "Unknown key 'max_lenght'. Did you mean --task.max_length?"),
        ("sede", "Unknown key 'sede'. Did you mean --source.split.seed or --target.split.seed?"),
        ("split.sede", "Unknown key 'split.sede'. Did you mean --source.split.seed? Keys of source.split: seed."),
        ("modle.x", "Unknown key 'modle'. Did you mean 'model'? Keys: model, task."),
        ("foo.bar", "Unknown key 'foo'. Keys: model, task."),
    ],
)
def test_an_unknown_name_is_looked_up_in_all_sections(got, message):
    assert unknown_name("key", got, ["model", "task"], PATHS) == message
