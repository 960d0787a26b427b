"""Every command is a typed function; a new one is a module with a function of its name, and one line in the table."""

import inspect
import sys
import types
import typing
from importlib import import_module

import docstring_parser
import pytest

from nlp_transfer.commands import COMMANDS, main
from nlp_transfer.config.command_ending import BAD_INPUT

DUMMY = """
from typing import Literal

def greet(name: str, *, times: int = 1, tone: Literal["warm", "cold"] = "warm", loud: bool = False) -> int:
    '''Greet someone.

    Args:
        name: of the one to greet.
        times: how often.
        tone: of the voice.
        loud: in capitals.
    '''
    text = f"{tone} {name}"
    print("\\n".join([text.upper() if loud else text] * times))
    return 7
"""


@pytest.fixture
def greet(monkeypatch):
    module = types.ModuleType("dummy_command")
    exec(DUMMY, module.__dict__)
    monkeypatch.setitem(sys.modules, "dummy_command", module)
    monkeypatch.setitem(COMMANDS, "greet", "dummy_command")


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_command_is_typed_and_documents_each_parameter(verb):
    command = getattr(import_module(COMMANDS[verb]), verb)
    parameters = inspect.signature(command).parameters
    hints = typing.get_type_hints(command)
    assert set(hints) == {*parameters, "return"}
    documented = [entry.arg_name for entry in docstring_parser.parse(command.__doc__).params]
    assert documented == list(parameters)
    assert f"nlp-transfer {verb} " in command.__doc__


def test_a_new_command_is_one_module_and_one_line(greet, capsys):
    assert main(["greet", "Ada", "--times", "2", "--loud", "--tone=cold"]) == 7
    assert capsys.readouterr().out == "COLD ADA\nCOLD ADA\n"
    with pytest.raises(SystemExit):
        main(["greet", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(
        "usage: nlp-transfer greet [-h] [--times TIMES] [--tone TONE] [--loud] NAME\n\nGreet someone."
    )
    assert "how often (int; default: 1)" in shown
    assert "of the voice (one of warm, cold; default: warm)" in shown


def test_all_that_is_wrong_is_named_together(greet, capsys):
    assert main(["greet", "Ada", "--times", "two", "--tone", "wram", "--luod"]) == BAD_INPUT
    assert capsys.readouterr().err == (
        "ConfigError: 3 problems:\n"
        "  - --times is 'two'; expected int.\n"
        "  - --tone: Unknown value 'wram'. Did you mean 'warm'? Values: warm, cold.\n"
        "  - Unknown option '--luod'. Did you mean '--loud'? Options: --help, --times, --tone, --loud.\n"
    )


def test_a_command_that_is_not_known(capsys):
    assert main(["predcit"]) == BAD_INPUT
    assert (
        "Unknown command 'predcit'. Did you mean 'predict'? Commands: diagnose, recommend, train"
        in capsys.readouterr().err
    )
