"""The commands of the guide are commands, and it names every option."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

import nlp_transfer
from nlp_transfer.commands import COMMANDS
from nlp_transfer.config.command_line import command_parser

GUIDE = (Path(nlp_transfer.__file__).parent / "commands" / "README.md").read_text()
SECTIONS = dict(zip(*[iter(re.split(r"^## (\w+)\n", GUIDE, flags=re.MULTILINE)[1:])] * 2, strict=True))
LINES = re.findall(r"nlp-transfer (\w+ .*)", "\n".join(re.findall(r"```bash\n(.*?)```", GUIDE, re.DOTALL)))


def parser_of(verb):
    return command_parser(getattr(import_module(COMMANDS[verb]), verb))


def test_each_verb_has_a_section():
    assert list(SECTIONS) == list(COMMANDS)
    assert {line.split()[0] for line in LINES} == set(COMMANDS)
    assert GUIDE.count("\n") <= 120


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_a_command(line):
    verb, *words = shlex.split(line)
    _, rest = parser_of(verb).parse_known_args(words)
    paths = [word for word in rest if word.startswith("--")]
    assert all("." in path or path == "--methods" for path in paths)
    assert not paths or verb in ("train", "evaluate")


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_option_is_named(verb):
    options = set(parser_of(verb)._option_string_actions) - {"-h", "--help"}
    assert {option for option in options if option not in SECTIONS[verb]} == set()
