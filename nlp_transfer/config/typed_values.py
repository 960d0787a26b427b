"""Build dataclasses from a tree of plain values, and check each leaf against the type of its field.

jsonargparse checks the types. Names out of a closed set (a Literal's, an Enum's, a field's `choices`) are checked here,
to name the nearest right one. Nothing stops at the first problem: a section that cannot be built is kept as far as it
could be read, for the checks that follow.
"""

import dataclasses
import enum
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nlp_transfer.config.field_docs import field_docs, names_of, type_name
from nlp_transfer.errors import ConfigError, did_you_mean, format_value, nearest_name


@dataclass(frozen=True)
class PartialConfig:
    """Hold what could be read of a section that cannot be built. Its attributes are those of the section.

    A field that was not given has its default; one that was given and could not be read (`unread`) is None.
    """

    cls: type
    values: dict[str, Any]
    unread: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        if name in self.values:
            return self.values[name]
        if name in self.unread:
            return None
        factories = {f.name: f.default_factory for f in dataclasses.fields(self.cls)}
        factory = factories.get(name, dataclasses.MISSING)
        return getattr(self.cls, name, None) if factory is dataclasses.MISSING else factory()

    def gives(self, name: str) -> bool:
        """Return whether the field was given a value, readable or not; null is none."""
        return self.values.get(name) is not None or name in self.unread


def build(cls: type, section: Any, path: str, problems: list[str]) -> Any:
    """Build a dataclass from a mapping at a path; a `PartialConfig`, and problems, where that cannot be."""
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}
    if not isinstance(section, dict):
        problems.append(f"{path} is {format_value(section)}; expected keys such as {', '.join(list(fields)[:3])}.")
        return PartialConfig(cls, {}, frozenset(fields))
    hints, values, unread = typing.get_type_hints(cls), {}, set()
    for key, value in section.items():
        before = len(problems)
        if key not in fields:
            problems.append(f"{path}: {did_you_mean('key', key, sorted(fields))}")
            unread.add(nearest_name(str(key), fields) or str(key))
            continue
        if hints[key] is Any:
            read = value
        elif dataclasses.is_dataclass(hints[key]):
            read = build(typing.cast(type, hints[key]), value, f"{path}.{key}", problems)
        else:
            read = check_field(fields[key], hints[key], value, f"{path}.{key}", problems)
        if len(problems) > before:
            unread.add(key)
        else:
            values[key] = read
    absent = [name for name, f in fields.items() if _required(f) and name not in values.keys() | unread]
    problems += [f"{path}.{name} is missing: {field_docs(cls)[name]}" for name in absent]
    whole = not (unread or absent)
    try:
        instance = cls(**values)
        if whole:
            return instance
    except ConfigError as error:  # a message about a field that was not read is no problem of its own
        problems += [
            text for text in error.problems if not any(re.search(rf"\b{re.escape(name)}\b", text) for name in unread)
        ]
    except Exception as error:  # transformers' classes check themselves, and raise many kinds
        if whole:
            problems.append(f"{path}: {' '.join(str(error).split())}")
    return PartialConfig(cls, values, frozenset(unread))


def build_named(
    table: Mapping[str, type], value: Any, what: str, path: str, problems: list[str], default: str | None = None
) -> Any:
    """Build an instance of the class that `name` names in a table, as `build` does; None where it is not known."""
    section = {"name": value} if isinstance(value, str) else value
    if not isinstance(section, dict):
        problems.append(f"{path} is {format_value(value)}; expected a name, or {{name: …}} with its settings.")
        return None
    name = section.get("name", default)
    if not isinstance(name, str) or name not in table:
        problems.append(f"{path}: {did_you_mean(what, str(name), table)}")
        return None
    return build(table[name], {key: item for key, item in section.items() if key != "name"}, path, problems)


def check_field(field: "dataclasses.Field[Any]", hint: Any, value: Any, path: str, problems: list[str]) -> Any:
    """Return the value as a dataclass's field takes it; see `check`. A field's own default is always right."""
    if value is None and field.default is None:  # not every type in another library allows its default
        return None
    return check(hint, value, path, problems, field.metadata.get("choices", ()))


def check(hint: Any, value: Any, path: str, problems: list[str], choices: Iterable[str] = ()) -> Any:
    """Return the value as the type has it; None, and a problem, where it does not fit.

    `choices` are the right names, where the type does not have them.

    Example:
        >>> problems = []
        >>> check(float, 2, "rate", problems), check(int, "x", "count", problems), problems
        (2.0, None, ["count is 'x'; expected int."])
    """
    from jsonargparse import ArgumentError, ArgumentParser

    if value is None and hint is not Any and type(None) not in (hint, *typing.get_args(hint)):
        problems.append(f"{path} is null; expected {type_name(hint)}.")  # jsonargparse takes None for any type
        return None
    names = list(choices) or names_of(hint)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=_without_any(hint))
    try:
        read = parser.parse_object({"value": value}).value
    except (ArgumentError, TypeError, ValueError):
        read = dataclasses.MISSING
    if isinstance(value, str) and names and value not in names and (read is dataclasses.MISSING or _is_text(read)):
        problems.append(f"{path}: {did_you_mean('value', value, names)}")
    elif read is dataclasses.MISSING:
        problems.append(f"{path} is {format_value(value)}; expected {type_name(hint)}.")
    else:
        return read
    return None


def _without_any(hint: Any) -> Any:
    """Return the type with `list[Any]` as `list`: jsonargparse copies the whole list for each item."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and arguments == (Any,):
        return list
    if origin is dict:
        return dict[arguments[0], _without_any(arguments[1])]  # type: ignore[misc,valid-type]
    return hint


def _is_text(value: Any) -> bool:
    """Return whether a value is a string that names nothing; an Enum's member may be named in capitals too."""
    return isinstance(value, str) and not isinstance(value, enum.Enum)


def _required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
