"""Outlines of classes: fields, docstrings and Enums from source, followed through imports; and what is refused."""

import dataclasses
import enum

import pytest

from nlp_transfer.config.field_docs import described_fields, type_name
from nlp_transfer.config.outlines import OutlineError, outline

SETTINGS = '''"""A module that cannot be imported."""
from dataclasses import dataclass, field
import nowhere_1
from nowhere_2 import Elsewhere, newer
from .colours import Colour

raise RuntimeError("imported")

@dataclass
class Base:
    size: int = 1

@dataclass
class Settings(Base):
    """Text.

    Args:
        rate: how fast.
    """

    rate: float = 0.5
    colour: Colour | str = "red"
    other: Elsewhere | None = field(default=None, metadata={"help": "10%% of it.", "choices": nowhere_1.names()})
    words: list[str] = field(default_factory=list)
    if newer:
        from nowhere_3 import something
        start = "new"
    else:
        start = "old"
    order: str = start

    def __post_init__(self):
        nowhere_1.check(self)
'''
COLOURS = """from .bases import Names
class Colour(Names):
    RED = "red"
    DARK_BLUE = "dark_blue"
    def paint(self): ...
"""
BASES = """from enum import Enum
class Names(str, Enum):
    @classmethod
    def _missing_(cls, value): ...
"""


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "bases").mkdir()
    (tmp_path / "settings.py").write_text(SETTINGS)
    (tmp_path / "colours.py").write_text(COLOURS)
    (tmp_path / "bases" / "__init__.py").write_text(BASES)
    return tmp_path / "settings.py"


def test_a_dataclass_is_described_without_its_module(settings):
    read = outline(settings, "Settings", {"newer": True})
    assert [(p, type_name(hint), default, text) for p, hint, default, text in described_fields(read, "s.")] == [
        ("s.size", "int", 1, ""),
        ("s.rate", "float", 0.5, "how fast."),
        ("s.colour", "one of red, dark_blue", "red", ""),
        ("s.other", "Elsewhere or null", None, "10% of it."),
        ("s.words", "list of str", [], ""),
        ("s.order", "str", "new", ""),
    ]


def test_what_is_known_decides_branches(settings):
    read = outline(settings, "Settings", {"newer": False})
    assert {f.name: f.default for f in dataclasses.fields(read)}["order"] == "old"


def test_an_enum_is_an_enum(settings):
    read = outline(settings.with_name("colours.py"), "Colour", {})
    assert issubclass(read, str) and issubclass(read, enum.Enum)
    assert [member.value for member in read] == ["red", "dark_blue"]


def refusal(file, name="A", known=None):
    with pytest.raises(OutlineError) as caught:
        outline(file, name, known or {})
    return str(caught.value)


def test_a_branch_on_what_is_not_known_is_refused(settings):
    assert refusal(settings, "Settings") == (
        f"{settings}: the fields of Settings cannot be read alone: whether newer is true is not known"
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("class B: ...", " defines no class A at its top level"),
        ("class A:\n    x: int = computed", ": what computed means is not known"),
        ("from nowhere import B\nclass A(B): ...", ": a base class of A is defined elsewhere"),
        (
            "from nowhere import now\nclass A:\n    x: int = now()",
            ": the fields of A cannot be read alone: what now returns is not known",
        ),
        ("class A:\n    x: 'int' = 1", ": the annotations of A are text"),
        ("class A:\n    x: int = 1 / 0", ": the fields of A cannot be read alone: division by zero"),
        ("class A(", " cannot be parsed: '(' was never closed"),
    ],
)
def test_what_is_refused(tmp_path, source, expected):
    file = tmp_path / "source.py"
    file.write_text(source)
    assert refusal(file).startswith(f"{file}{expected}")


def test_a_file_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "none.py").startswith(f"{tmp_path / 'none.py'} cannot be parsed: [Errno 2]")
