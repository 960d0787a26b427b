"""Describe a dataclass's fields, with their types, defaults and help, for `--help` and for messages."""

import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from nlp_transfer.errors import SYNONYMS, did_you_mean, nearest_name, new_name

_MAX_PLACES = 4  # fields of one name that a message lists

UNIONS = (typing.Union, types.UnionType)
"""The origins of a union `A | B`, written in either way."""


def type_name(hint: Any) -> str:
    """Return a type as a user reads it.

    Example:
        >>> type_name(float | None), type_name(typing.Literal["auto", "fp32"]), type_name(list[int])
        ('float or null', 'one of auto, fp32', 'list of int')
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(map(str, arguments))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return "one of " + ", ".join(str(member.value) for member in hint)
    if origin in (list, tuple, dict) and arguments:
        inner = [type_name(argument) for argument in arguments if argument is not Ellipsis]
        return f"{origin.__name__ if origin is not tuple else 'list'} of {' to '.join(inner)}"
    if arguments:
        closed = names_of(hint)  # next to a closed set of names, `str` adds nothing
        return " or ".join(dict.fromkeys(type_name(one) for one in arguments if not (closed and one is str)))
    if hint is Any:
        return "anything"
    return "null" if hint is type(None) else getattr(hint, "__name__", str(hint))


def names_of(hint: Any) -> list[str]:
    """Return the right names where a type allows no other strings, else none.

    They are a Literal's or an Enum's. transformers writes `Enum | str` where it takes an Enum's values.

    Example:
        >>> names_of(typing.Literal["stop", "skip"] | None), names_of(str)
        (['stop', 'skip'], [])
    """
    names: list[str] = []
    parts = (hint, *(typing.get_args(hint) if typing.get_origin(hint) in UNIONS else ()))
    for one in parts:
        if isinstance(one, type) and issubclass(one, enum.Enum):
            names += [str(member.value) for member in one]
        elif typing.get_origin(one) is typing.Literal and str not in parts:
            names += [name for name in typing.get_args(one) if isinstance(name, str)]
    if names and bool in parts:
        names += ["true", "false"]
    return list(dict.fromkeys(names))


def field_docs(cls: type) -> dict[str, str]:
    """Return the help of a dataclass's fields, from its docstring, those of its bases, or the fields' metadata.

    Metadata is written for argparse, as transformers has it: `%%` is a percent sign.
    """
    import docstring_parser

    texts = {
        p.arg_name: p.description or ""
        for one in reversed(cls.__mro__)
        if dataclasses.is_dataclass(one)
        for p in docstring_parser.parse(one.__doc__ or "").params
    }
    fields = [f for f in dataclasses.fields(cls) if f.init]
    helps = {f.name: (f.metadata.get("help") or "").replace("%%", "%") for f in fields}
    return {name: " ".join((texts.get(name) or text).split()) for name, text in helps.items()}


def described_fields(
    cls: type, prefix: str, skip: Collection[str] = (), names: Mapping[str, type] | None = None
) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield (path, type, default, help) of every field; `names` are types that are imported for type checkers only."""
    hints, docs = typing.get_type_hints(cls, localns=dict(names or {})), field_docs(cls)
    for f in dataclasses.fields(cls):
        if not f.init or f.name in skip or f.metadata.get("python_only"):
            continue
        if dataclasses.is_dataclass(hints[f.name]):
            yield from described_fields(typing.cast(type, hints[f.name]), f"{prefix}{f.name}.")
            continue
        default: Any = "" if f.default is dataclasses.MISSING else f.default
        if f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        yield f"{prefix}{f.name}", hints[f.name], getattr(default, "value", default), docs[f.name]


def unknown_name(what: str, got: str, names: Collection[str], paths: Collection[str]) -> str:
    """Return a message for an unknown name: the paths that end in it, the keys of its section, or `did_you_mean`.

    Args:
        got: a name, or one below an unknown name, such as `lora.r`.
        names: what may stand there.
        paths: every field's path.

    Example:
        >>> unknown_name("key", "epochs", ["model"], ["model", "training.num_train_epochs"])
        "Unknown key 'epochs'. It is --training.num_train_epochs; in YAML, num_train_epochs under training."
        >>> unknown_name("key", "lora.rr", ["model"], ["model", "methods.lora.r", "methods.lora.alpha"])
        "Unknown key 'lora.rr'. Did you mean --methods.lora.r? Keys of methods.lora: r, alpha."
    """
    places = [path for path in paths_of(got, paths) if path not in names]
    first = got if got.startswith("--") else got.partition(".")[0]
    if new_name(got, names) or (not places and nearest_name(first, names)):
        return did_you_mean(what, first, names)
    if not places:
        return _elsewhere(what, got, paths) or did_you_mean(what, first, names)
    listed = " or ".join(f"--{path}" for path in places)
    sections = " or ".join(" of ".join(reversed(path.split(".")[:-1])) for path in places)
    name = places[0].rpartition(".")[2]
    return f"Unknown {what} {got!r}. It is {listed}{f'; in YAML, {name} under {sections}' if sections else ''}."


def _elsewhere(what: str, got: str, paths: Collection[str]) -> str:
    """Return a message with the keys of the section that a name begins with, or the nearest path's; empty without."""
    first, dot, rest = got.removeprefix("--").partition(".")
    inside = [path for path in paths if f".{first}." in path]
    if not inside:
        endings = [path.split(".", path.count(".") - len(dot))[-1] for path in paths if path.count(".") > len(dot)]
        near = nearest_name(f"{first}{dot}{rest}", endings)
        listed = " or ".join(f"--{path}" for path in paths_of(near, paths)) if near else ""
        return f"Unknown {what} {got!r}. Did you mean {listed}?" if listed else ""
    section = inside[0].partition(f".{first}.")[0] + f".{first}"
    keys = [path.removeprefix(f"{section}.") for path in inside if path.startswith(f"{section}.")]
    near = nearest_name(rest, keys)
    guess = f" Did you mean --{section}.{near}?" if near else ""
    return f"Unknown {what} {got!r}.{guess} Keys of {section}: {', '.join(keys)}."


def paths_of(got: str, paths: Collection[str]) -> list[str]:
    """Return the shortest paths that end in a name or its synonym; none of a name that stands in many places.

    Example:
        >>> paths_of("lora.r", ["methods.lora.r", "methods.lora.alpha"]), paths_of("lr", ["training.learning_rate"])
        (['methods.lora.r'], ['training.learning_rate'])
    """
    name = got.removeprefix("--")
    ending = f".{SYNONYMS.get(name, name)}"
    found = dict.fromkeys(path for path in paths if f".{path}".endswith(ending))
    shortest = [path for path in found if path.count(".") == min(one.count(".") for one in found)]
    return shortest if len(shortest) <= _MAX_PLACES else []


@dataclass(frozen=True)
class HelpSection:
    """Hold the fields that `--help` shows together, as `described_fields` gives them."""

    title: str
    text: str
    fields: list[tuple[str, Any, Any, str]]

    @classmethod
    def of(cls, described: type, title: str, prefix: str, text: str | None = None) -> Self:
        """Return a section with the fields of a dataclass; `text` is the first paragraph of its docstring if None."""
        if text is None:
            text = " ".join(inspect.cleandoc(described.__doc__ or "").partition("\n\n")[0].split())
        return cls(title, text, list(described_fields(described, prefix)))
