"""Options that several commands have, and help that shows every field of a configuration."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nlp_transfer.config.renamed import new_name
from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from nlp_transfer.config.field_docs import HelpSection


class CommandParser(argparse.ArgumentParser):
    """A parser that refuses an empty word: as a path it would be the folder in which the command runs."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("type", None, _not_empty)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse an option that was renamed, with its new name."""
        for word in sys.argv[1:] if args is None else args:
            option = word.partition("=")[0]
            if new := new_name(option, self._option_string_actions):
                raise ConfigError(f"The option {option} was renamed: write {new}.")
        return super().parse_known_args(args, namespace)


def _not_empty(word: str) -> str:
    if not word:
        raise argparse.ArgumentTypeError("the value is empty; expected a name or a path, or leave the option out")
    return word


def command_parser(description: str, **options: Any) -> argparse.ArgumentParser:
    """A command's parser, which shows its script's text as it stands and takes no name for a longer one.

    Args:
        description: what `--help` begins with.
        options: of `ArgumentParser`.
    """
    return CommandParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add which trained model is meant."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a run's output folder, a model folder, or a Hub id (OWNER/NAME@REVISION takes one commit)",
    )


def add_summary_settings(parser: argparse.ArgumentParser) -> None:
    """Add what may be set of summaries otherwise than in the model's run."""
    parser.add_argument(
        "--length_unit",
        metavar="UNIT",
        help="of a model that summarises: sentences, words, characters, or share of the words (default: as trained)",
    )
    parser.add_argument("--length", type=float, metavar="SIZE", help="and how many of them a summary may have")
    parser.add_argument(
        "--generation",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="of a model that writes summaries: GenerationConfig's settings, such as num_beams=1 max_new_tokens=60 "
        "(default: as trained)",
    )


def read_generation(words: Sequence[str]) -> dict[str, Any]:
    """The settings of `--generation`, by name; values are read as YAML reads them.

    Raises:
        ConfigError: words without `=`, and names that come twice.
    """
    from nlp_transfer.config.parsing import read_value

    pairs = [word.partition("=") for word in words]
    problems = [
        f"--generation: {word!r} is no setting; expected NAME=VALUE, such as num_beams=1."
        for word, (name, equals, _) in zip(words, pairs, strict=True)
        if not equals or not name
    ]
    names = [name for name, _, _ in pairs]
    problems += [f"--generation: {name} is given twice." for name in dict.fromkeys(names) if names.count(name) > 1]
    if problems:
        raise ConfigError(problems)
    return {name: read_value(text) for name, _, text in pairs}


def add_computing(parser: argparse.ArgumentParser) -> None:
    """Add on what, and in which portions, a trained model computes."""
    parser.add_argument(
        "--backend",
        default="pytorch",
        metavar="NAME",
        help="pytorch (the default), or onnx for a model, or a run's, that scripts/export.py wrote",
    )
    parser.add_argument("--precision", metavar="NAME", help="of an exported model: float32 (default, if there), int8")
    parser.add_argument("--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1 …; default: a GPU, if any")
    parser.add_argument(
        "--max_tokens",
        type=int,
        metavar="N",
        help="tokens of a batch, padding counted; the default suits the device, fewer need less memory",
    )


OVERRIDES = "--config FILE, or --PATH VALUE such as --task.max_length 128"
"""What scripts/train.py takes, for messages."""


def read_overrides(words: Sequence[str], expected: str = OVERRIDES) -> list[tuple[str, Any]]:
    """(path, value) pairs from `--path value` and `--path=value`; values are read as YAML reads them.

    Args:
        words: what is left of a command line.
        expected: what could stand there, for messages.

    Raises:
        ConfigError: words that are no option, and options without a value; all of them.
    """
    from nlp_transfer.config.parsing import read_value

    overrides: list[tuple[str, Any]] = []
    problems: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        path, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not path:
            problems.append(f"{word!r} is not an option; expected {expected}.")
        elif equals:
            overrides.append((path, read_value(text)))
        elif left and not left[0].startswith("--"):
            overrides.append((path, read_value(left.pop(0))))
        else:
            problems.append(f"--{path} has no value; expected --{path} VALUE, or --{path}=VALUE.")
    if problems:
        raise ConfigError(problems)
    return overrides


class FullHelp(argparse.Action):
    """Prints the switches, then every field of a configuration with its type and default."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print all, and end the command."""
        from nlp_transfer.config.field_docs import type_name

        everything = argparse.ArgumentParser(
            prog=parser.prog,
            description=parser.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            usage=parser.usage,
            add_help=False,
        )
        everything.add_argument_group("options")
        for action in parser._actions:
            everything._add_action(action)
        everything.print_help()
        for section in self.sections():
            # A parser of its own, since tasks have fields of the same name.
            parts = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False)
            group = parts.add_argument_group(section.title, section.text.replace("%", "%%") or None)
            for path, hint, default, text in section.fields:
                shown = "" if default == "" else f"; default: {'null' if default is None else default}"
                group.add_argument(
                    f"--{path}", metavar="", help=f"{text} ({type_name(hint)}{shown})".replace("%", "%%")
                )
            print(f"\n{parts.format_help()}", end="")
        parser.exit()

    def sections(self) -> "list[HelpSection]":
        """What to print."""
        from nlp_transfer.config.experiment import help_sections

        return help_sections()
