"""Build a command's parser and help from its typed function, and call the function with a command line.

A parameter is a word in its place, a keyword-only parameter an option: a flag where it is a bool, several words where
it is a list, NAME=VALUE words where it is a dict. The help is the docstring's. A dataclass of options, such as
`Compute`, stands for one option a field; an `Experiment` or a `CorpusConfig` is read from `--PATH VALUE`.
"""

import argparse
import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import docstring_parser

from nlp_transfer.config.field_docs import HelpSection, names_of, paths_of, type_name, unknown_name
from nlp_transfer.config.help_action import ONE_SECTION, HelpAction
from nlp_transfer.errors import ConfigError, did_you_mean, nearest_name, new_name

Command = Callable[..., int | None]
"""A command's function; it returns the exit status, None for 0."""


def call_command(command: Command, words: Sequence[str]) -> int:
    """Call a command's function with what a command line gives, and return its exit status.

    Raises:
        ConfigError: all that is wrong with the words; messages of the function name the options as they are written.
        SystemExit: `--help`, and a word that is missing.
    """
    values = parse_command(command, words)
    try:
        return command(**values) or 0
    except ConfigError as error:
        names = "|".join(one.name for one, *_ in _parameters(command) if one.kind is one.KEYWORD_ONLY) or "$"
        named = re.compile(rf"^({names})(?= is |:)")
        raise ConfigError([named.sub(r"--\g<0>", problem) for problem in error.problems]) from error


def parse_command(command: Command, words: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of a command's function from a command line; errors are those of `call_command`.

    Example:
        >>> def repeat(text: str, *, times: int = 1, loud: bool = False) -> None:
        ...     "Print a text."
        >>> parse_command(repeat, ["hello", "--times", "2"])
        {'text': 'hello', 'times': 2, 'loud': False}
    """
    parser, hints, groups = command_parser(command), _hints(command), _groups(command)
    for word in words:
        option = word.partition("=")[0]
        if new := new_name(option, parser._option_string_actions):
            raise ConfigError(f"The option {option} was renamed: write {new}.")
    given, rest = parser.parse_known_args(words)
    problems: list[str] = []
    values: dict[str, Any] = {}
    for parameter, hint, _ in _parameters(command):
        if _section_of(hint) is None:
            name, written = parameter.name, getattr(given, parameter.name)
            unchanged = written is parameter.default or isinstance(written, bool)
            option = f"--{name}" if parameter.kind is parameter.KEYWORD_ONLY else name.upper()
            values[name] = written if unchanged else _typed(hint, written, option, problems)
    section = next((name for name in hints if _section_of(hints[name])), None)
    options = [option for option in parser._option_string_actions if option.startswith("--")]
    if section is None:
        problems += [did_you_mean("option", word.partition("=")[0], options) for word in rest if word.startswith("--")]
        if rest and not problems:
            problems.append(f"{rest[0]!r} is not expected here; {parser.format_usage().strip()}")
    if problems:
        raise ConfigError(problems)
    for name, group in groups.items():
        values[name] = group(**{field.name: values.pop(field.name) for field in dataclasses.fields(group)})
    if section is not None:
        base = getattr(sys.modules[command.__module__], "BASE_CONFIG", {})
        values[section] = _read_section(hints[section], section, getattr(given, section, ()), rest, options, base)
    return values


def command_parser(command: Command) -> argparse.ArgumentParser:
    """Return the parser of a command's function, whose docstring has an entry for each parameter."""
    hints = _hints(command)
    parser = argparse.ArgumentParser(
        prog=f"nlp-transfer {command.__name__}",
        description=inspect.cleandoc(command.__doc__ or "").partition("\n\nArgs:")[0],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    described = {name: find for name, hint in hints.items() if (find := _section_of(hint))}
    sections = partial(chain.from_iterable, (find(name) for name, find in described.items()))
    parser.add_argument("-h", "--help", action=HelpAction, sections=sections, **(ONE_SECTION if described else {}))
    for parameter, hint, text in _parameters(command):
        if parameter.name in described:
            _add_section(parser, parameter.name, hint)
        else:
            _add_parameter(parser, parameter, hint, text)
    return parser


def _parameters(command: Command) -> Iterator[tuple[inspect.Parameter, Any, str]]:
    """Yield each parameter with its type and its text; a dataclass of options stands for its fields."""
    hints, texts, groups = _hints(command), _texts(command), _groups(command)
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            yield parameter, hints[name], texts.get(name, "")
            continue
        group_hints, group_texts = typing.get_type_hints(groups[name]), _texts(groups[name])
        for field in dataclasses.fields(groups[name]):
            option = inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default)
            yield option, group_hints[field.name], group_texts.get(field.name, "")


def _groups(command: Command) -> dict[str, Any]:
    """Return the parameters that are dataclasses of options."""
    types = {name: _without_none(hint) for name, hint in _hints(command).items()}
    return {name: kind for name, kind in types.items() if dataclasses.is_dataclass(kind) and not _section_of(kind)}


def _texts(documented: Any) -> dict[str, str]:
    """Return the texts of the arguments in a docstring, by name."""
    found = docstring_parser.parse(inspect.cleandoc(documented.__doc__ or "")).params
    return {one.arg_name: " ".join((one.description or "").split()).rstrip(".") for one in found}


def _hints(command: Command) -> dict[str, Any]:
    hints = typing.get_type_hints(command)
    return {name: hint for name, hint in hints.items() if name != "return"}


def _add_parameter(parser: argparse.ArgumentParser, parameter: inspect.Parameter, hint: Any, doc: str) -> None:
    """Add the word or the option that a parameter is."""
    option = parameter.kind is parameter.KEYWORD_ONLY
    required = parameter.default is parameter.empty
    settings: dict[str, Any] = {"default": None if required else parameter.default, "metavar": parameter.name.upper()}
    shown = "" if required or parameter.default is None else f"; default: {parameter.default}"
    settings["help"] = f"{doc} ({type_name(_without_none(hint))}{shown})".replace("%", "%%")
    if hint is bool:
        settings = {"action": "store_true", "help": doc.replace("%", "%%")}
    elif typing.get_origin(_without_none(hint)) in (list, dict):
        settings["nargs"] = "+"
    elif not option and not required:
        settings["nargs"] = "?"
    if option:
        settings["required"] = required
    parser.add_argument(f"--{parameter.name}" if option else parameter.name, **settings)


def _without_none(hint: Any) -> Any:
    """Return the type A of `A | None`; any other as it is."""
    others = [one for one in typing.get_args(hint) if one is not type(None)]
    return others[0] if len(others) == 1 and type(None) in typing.get_args(hint) else hint


def _typed(hint: Any, written: Any, option: str, problems: list[str]) -> Any:
    """Return what was written as the type has it; None, and a problem, where it does not fit."""
    from nlp_transfer.config.parsing import read_value
    from nlp_transfer.config.typed_values import check

    words = written if isinstance(written, list) else [written]
    if "" in words:
        problems.append(f"{option} is empty; expected a name or a path, or leave it out.")
        return None
    bare = _without_none(hint)
    if typing.get_origin(bare) is dict:
        return read_pairs(words, option, problems, plain=typing.get_args(bare)[1] is str)
    item = typing.get_args(bare)[0] if typing.get_origin(bare) is list else hint
    plain = names_of(item) or str in (item, *typing.get_args(item))
    read = [check(item, word if plain else read_value(word), option, problems) for word in words]
    return read if isinstance(written, list) else read[0]


def read_pairs(words: Sequence[str], option: str, problems: list[str], *, plain: bool = False) -> dict[str, Any]:
    """Return NAME=VALUE words of an option as a mapping, `plain` as texts; what is wrong is added to the problems.

    Example:
        >>> read_pairs(["num_beams=1", "early_stopping=true"], "--generation", [])
        {'num_beams': 1, 'early_stopping': True}
    """
    from nlp_transfer.config.parsing import read_value

    pairs = [word.partition("=") for word in words]
    problems += [
        f"{option}: {word!r} is no setting; expected {'CLASS=TEXT' if plain else 'NAME=VALUE, such as num_beams=1'}."
        for word, (name, equals, _) in zip(words, pairs, strict=True)
        if not equals or not name
    ]
    names = [name for name, _, _ in pairs]
    problems += [f"{option}: {name} is given twice." for name in dict.fromkeys(names) if names.count(name) > 1]
    return {name: text if plain else read_value(text) for name, _, text in pairs}


def read_overrides(
    words: Sequence[str], expected: str, options: Sequence[str] = (), paths: Callable[[], Sequence[str]] = tuple
) -> list[tuple[str, Any]]:
    """Return (path, value) pairs of `--path value` and `--path=value`; raise ConfigError with all other words.

    A path without dashes or a value is looked up among the command's other options and the paths that are known.

    Example:
        >>> read_overrides(["--training.seed", "3", "--model=bert"], "--PATH VALUE")
        [('training.seed', 3), ('model', 'bert')]
    """
    from nlp_transfer.config.parsing import read_value

    overrides: list[tuple[str, Any]] = []
    problems: list[str] = []
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        path, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not path:
            places = [f"--{one} VALUE" for one in paths_of(path, paths())]
            known = [one for one in options if one == f"--{path}"] or places
            problems.append(f"{word!r} is not an option; expected {' or '.join(known) or expected}.")
            if known == places and not equals and remaining and not remaining[0].startswith("--"):
                remaining.pop(0)
        elif equals:
            overrides.append((path, read_value(text)))
        elif remaining and not remaining[0].startswith("--"):
            overrides.append((path, read_value(remaining.pop(0))))
        else:
            problems.append(_without_value(path, options, paths()))
    if problems:
        raise ConfigError(problems)
    return overrides


def _is_misspelt(path: str, options: Sequence[str], paths: Callable[[], Sequence[str]]) -> bool:
    """Return whether a name is no section or field, and nearest to an option of the command."""
    if "." in path or nearest_name(f"--{path}", options) is None:
        return False
    known = [f"--{one}" for one in {place.partition(".")[0] for place in paths()}]
    return f"--{path}" not in known and nearest_name(f"--{path}", [*options, *known]) in options


def _without_value(path: str, options: Sequence[str], paths: Sequence[str]) -> str:
    """Return the problem with an option that has no value: its name, if no field is called so, else the value."""
    section, _, name = path.rpartition(".")
    known = {one.rpartition(".")[2] if section else one.partition(".")[0] for one in paths}
    if not paths or name in known:
        return f"--{path} has no value; expected --{path} VALUE, or --{path}=VALUE."
    as_options = [f"--{one}" for one in paths]
    is_option = nearest_name(f"--{path}", options) or not nearest_name(f"--{path}", as_options)
    return unknown_name("option", f"--{path}", options if is_option else as_options, paths)


def _section_of(hint: Any) -> Callable[[str], list[HelpSection]] | None:
    """Return the function that lists a section's fields, by its parameter's name; None where the type is no section."""
    if not inspect.isclass(hint) or not hint.__module__.startswith("nlp_transfer."):
        return None
    from nlp_transfer.config import experiment

    listers: Mapping[type, Callable[[str], list[HelpSection]]] = {
        experiment.Experiment: lambda _: experiment.help_sections(),
        experiment.CorpusConfig: experiment.help_corpus,
    }
    return listers.get(hint)


def _add_section(parser: argparse.ArgumentParser, name: str, hint: Any) -> None:
    """Add the options that a section has besides `--PATH VALUE`."""
    from nlp_transfer.config import experiment

    if hint is experiment.Experiment:
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="FILE", help="YAML; of several, later ones win"
        )
        parser.epilog = "Any value may be set by its path: --training.learning_rate 5e-5"
    else:
        parser.epilog = f"Any field of the corpus may be set by its path: --{name}.path data/kitchen"


def _read_section(
    hint: Any, name: str, files: Sequence[str], rest: Sequence[str], options: Sequence[str], base: Mapping[str, Any]
) -> Any:
    """Return what a section's files and options make; `base` is the configuration under those of an experiment."""
    from nlp_transfer.config import experiment

    if hint is experiment.Experiment:
        expected = f"--{name} FILE, or --PATH VALUE such as --source.path data.csv"
        overrides = read_overrides(rest, expected, options, experiment.known_paths)
        wrong = [path for path, _ in overrides if _is_misspelt(path, options, experiment.known_paths)]
        problems = [did_you_mean("option", f"--{path}", options) for path in wrong]
        try:
            config = experiment.load_config(files, [pair for pair in overrides if pair[0] not in wrong], base)
        except ConfigError as error:
            raise ConfigError([*problems, *error.problems]) from error
        if problems:
            raise ConfigError(problems)
        return config
    paths = [path for section in experiment.help_corpus(name) for path, *_ in section.fields]
    expected = f"--{name}.PATH VALUE such as --{name}.path data/kitchen"
    overrides = read_overrides(rest, expected, options, lambda: paths)
    return experiment.read_corpus_config(overrides, name, options)
