"""Print the help of a command: its options, and the fields of the sections that it reads."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nlp_transfer.config.field_docs import HelpSection, type_name
from nlp_transfer.errors import ConfigError, did_you_mean

ONE_SECTION: dict[str, Any] = {
    "nargs": "?",
    "metavar": "SECTION",
    "help": "show this and end; of a section such as lora or training, its fields alone",
}
"""The settings of `--help` where a command has sections."""


class HelpAction(argparse.Action):
    """Print the parser's help, and then the fields of its sections; of one section by its name, the fields alone."""

    def __init__(self, *args: Any, sections: Callable[[], Iterable[HelpSection]], **options: Any) -> None:
        defaults: dict[str, Any] = {"help": "show this and end", "nargs": 0}
        super().__init__(*args, **(defaults | options))
        self.sections = sections

    def __call__(self, parser: argparse.ArgumentParser, _: Any, name: Any, *__: Any) -> None:
        """Print all, and end the command."""
        sections = list(self.sections())
        if name:
            sections = _named_sections(sections, str(name))
        else:
            parser.print_help()
        for section in sections:
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


def _named_sections(sections: Sequence[HelpSection], name: str) -> list[HelpSection]:
    """Return the sections of a name, such as `lora` of `method: lora`; of training, all that transformers has too."""
    from nlp_transfer.config import experiment

    by_name: dict[str, list[HelpSection]] = {}
    for section in sections:
        by_name.setdefault(section.title.rpartition(": ")[2], []).append(section)
    if name not in by_name:
        raise ConfigError(f"--help: {did_you_mean('section', name, by_name)}")
    return experiment.help_training() if name == "training" else by_name[name]
