"""Overrides from the words of a command line."""

import pytest

from nlp_transfer.config.command_line import command_parser, read_generation, read_overrides
from nlp_transfer.errors import ConfigError


def test_overrides_in_both_forms():
    assert read_overrides(["--a.b", "2e-5", "--c=x=y", "--d", "[1, 2]"]) == [("a.b", 2e-5), ("c", "x=y"), ("d", [1, 2])]


def test_negative_numbers_are_values():
    assert read_overrides(["--a", "-1"]) == [("a", -1)]


def test_words_that_are_no_options_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        read_overrides(["stray", "--a", "--b", "1"])
    assert "'stray' is not an option" in caught.value.problems[0]
    assert "--a has no value; expected --a VALUE" in caught.value.problems[1]


def test_generation_settings_are_read_as_yaml():
    read = read_generation(["num_beams=1", "early_stopping=true", "length_penalty=2e-1"])
    assert read == {"num_beams": 1, "early_stopping": True, "length_penalty": 0.2}
    assert read_generation([]) == {}


def test_words_that_are_no_generation_setting():
    with pytest.raises(ConfigError) as raised:
        read_generation(["num_beams", "=2", "top_k=1", "top_k=2"])
    assert raised.value.problems == [
        "--generation: 'num_beams' is no setting; expected NAME=VALUE, such as num_beams=1.",
        "--generation: '=2' is no setting; expected NAME=VALUE, such as num_beams=1.",
        "--generation: top_k is given twice.",
    ]


def test_an_empty_word_is_no_path(capsys):
    parser = command_parser("what it does")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--output")
    for words, name in (([""], "MODEL"), (["runs/first", "--output", ""], "--output")):
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(words)
        assert ended.value.code == 2
        assert f"error: argument {name}: the value is empty; expected a name or a path" in capsys.readouterr().err
