"""The help of a command, whole and of one section."""

import argparse

import pytest

from nlp_transfer.config.field_docs import HelpSection
from nlp_transfer.config.help_action import ONE_SECTION, HelpAction
from nlp_transfer.errors import ConfigError


def parser():
    sections = [HelpSection(f"method: {name}", name.upper(), [(f"{name}.r", int, 1, "rank")]) for name in ("a", "b")]
    made = argparse.ArgumentParser(prog="x", add_help=False)
    made.add_argument("--help", action=HelpAction, sections=lambda: sections, **ONE_SECTION)
    return made


def shown(capsys, *words):
    with pytest.raises(SystemExit):
        parser().parse_args(["--help", *words])
    return capsys.readouterr().out


def test_all_sections_follow_the_options(capsys):
    text = shown(capsys)
    assert text.startswith("usage: x [--help [SECTION]]")
    assert text.index("--a.r") < text.index("--b.r") and "rank (int; default: 1)" in text


def test_one_section_by_its_name(capsys):
    assert shown(capsys, "b") == "\nmethod: b:\n  B\n\n  --b.r   rank (int; default: 1)\n"


def test_an_unknown_section():
    with pytest.raises(ConfigError, match=r"--help: Unknown section 'c'. Sections: a, b\."):
        parser().parse_args(["--help", "c"])
