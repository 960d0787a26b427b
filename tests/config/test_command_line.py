"""The arguments of a command's function from the words of a command line."""

from typing import Any

import pytest

from nlp_transfer.commands import main
from nlp_transfer.config.command_line import call_command, parse_command, read_overrides, read_pairs
from nlp_transfer.errors import ConfigError

EXPECTED = "--PATH VALUE"


def store(
    model: str,
    file: str = "-",
    *,
    output: str | None = None,
    share: float | None = None,
    shares: list[float] | None = None,
    languages: list[str] | None = None,
    settings: dict[str, Any] | None = None,
    dry_run: bool = False,
) -> int | None:
    """Store a model."""
    return 3 if dry_run else None


DEFAULTS = {
    "model": "m",
    "file": "-",
    "output": None,
    "share": None,
    "shares": None,
    "languages": None,
    "settings": None,
    "dry_run": False,
}


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ([], {}),
        (["a.txt"], {"file": "a.txt"}),
        (["--output", "2024"], {"output": "2024"}),  # a name, not a number
        (["--output=a=b"], {"output": "a=b"}),
        (["--share", "2e-1", "--dry_run"], {"share": 0.2, "dry_run": True}),
        (["--shares", "0", "0.5", "--languages", "en", "no"], {"shares": [0.0, 0.5], "languages": ["en", "no"]}),
        (["--settings", "a=1", "b=true"], {"settings": {"a": 1, "b": True}}),
    ],
)
def test_words_become_typed_arguments(words, changed):
    assert parse_command(store, ["m", *words]) == DEFAULTS | changed


@pytest.mark.parametrize(
    ("words", "problems"),
    [
        (["m", "--share", "x"], ["--share is 'x'; expected float or null."]),
        (["m", "--shares", "1", "x"], ["--shares is 'x'; expected float."]),
        ([""], ["MODEL is empty; expected a name or a path, or leave it out."]),
        (["m", "--output", ""], ["--output is empty; expected a name or a path, or leave it out."]),
        (["m", "--settings", "a"], ["--settings: 'a' is no setting; expected NAME=VALUE, such as num_beams=1."]),
        (["m", "--out", "x"], ["Unknown option '--out'. Did you mean '--output'? Options: --help, --output, "]),
        (["m", "a", "b"], ["'b' is not expected here; usage: nlp-transfer store"]),
    ],
)
def test_words_that_fit_no_parameter(words, problems):
    with pytest.raises(ConfigError) as caught:
        parse_command(store, words)
    assert len(caught.value.problems) == len(problems)
    assert all(found.startswith(start) for found, start in zip(caught.value.problems, problems, strict=True))


def test_the_exit_status_is_the_functions():
    assert call_command(store, ["m"]) == 0
    assert call_command(store, ["m", "--dry_run"]) == 3


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("length is 0; expected 1 or more.", "--length is 0; expected 1 or more."),
        ("The length is 0.", "The length is 0."),
    ],
)
def test_a_functions_errors_name_options_as_they_are_written(message, expected):
    def refuse(*, length: int | None = None, top_k: int | None = None) -> None:
        """Refuse."""
        raise ConfigError([message, "Something else."])

    with pytest.raises(ConfigError) as caught:
        call_command(refuse, ["--length", "3"])
    assert caught.value.problems == [expected, "Something else."]


def test_overrides_in_both_forms():
    pairs = read_overrides(["--a.b", "2e-5", "--c=x=y", "--d", "[1, 2]"], EXPECTED)
    assert pairs == [("a.b", 2e-5), ("c", "x=y"), ("d", [1, 2])]


def test_negative_numbers_are_values():
    assert read_overrides(["--a", "-1"], EXPECTED) == [("a", -1)]


def test_words_that_are_no_options_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        read_overrides(["stray", "--a", "--b", "1"], EXPECTED)
    assert "'stray' is not an option; expected --PATH VALUE." in caught.value.problems[0]
    assert "--a has no value; expected --a VALUE" in caught.value.problems[1]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--a.path", "--a.path has no value; expected --a.path VALUE, or --a.path=VALUE."),
        ("--a", "--a has no value; expected --a VALUE, or --a=VALUE."),
        ("--path", "Unknown option '--path'. It is --a.path; in YAML, path under a."),
        ("--splt", "Unknown option '--splt'. Did you mean '--split'? Options: --help, --split."),
        ("--bogus", "Unknown option '--bogus'. Options: --help, --split."),
        ("--a.sead", "Unknown option '--a.sead'. Did you mean '--a.seed'? Options: --a.path, --a.seed."),
    ],
)
def test_an_option_without_a_value_is_looked_up(word, expected):
    with pytest.raises(ConfigError) as caught:
        read_overrides([word], EXPECTED, ["--help", "--split"], lambda: ["a.path", "a.seed"])
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["seed", "8"], "'seed' is not an option; expected --a.seed VALUE."),
        (["a.seed=8"], "'a.seed=8' is not an option; expected --a.seed VALUE."),
        (["path", "x"], "'path' is not an option; expected --a.path VALUE or --b.path VALUE."),
        (["split"], "'split' is not an option; expected --split."),
        (["stray"], "'stray' is not an option; expected --PATH VALUE."),
    ],
)
def test_a_name_without_dashes_is_answered_with_the_option(words, expected):
    with pytest.raises(ConfigError) as caught:
        read_overrides(words, EXPECTED, ["--help", "--split"], lambda: ["a.path", "a.seed", "b.path"])
    assert str(caught.value) == expected


def test_pairs_are_read_as_yaml():
    problems: list[str] = []
    read = read_pairs(["num_beams=1", "early_stopping=true", "length_penalty=2e-1"], "--generation", problems)
    assert read == {"num_beams": 1, "early_stopping": True, "length_penalty": 0.2}
    assert not problems


def test_pairs_of_plain_texts_are_not_yaml():
    problems: list[str] = []
    assert read_pairs(["paid=Costs: 5"], "--descriptions", problems, plain=True) == {"paid": "Costs: 5"}
    read_pairs(["paid"], "--descriptions", problems, plain=True)
    assert problems == ["--descriptions: 'paid' is no setting; expected CLASS=TEXT."]


def test_words_that_are_no_pair():
    problems: list[str] = []
    read_pairs(["num_beams", "=2", "top_k=1", "top_k=2"], "--generation", problems)
    assert problems == [
        "--generation: 'num_beams' is no setting; expected NAME=VALUE, such as num_beams=1.",
        "--generation: '=2' is no setting; expected NAME=VALUE, such as num_beams=1.",
        "--generation: top_k is given twice.",
    ]


def test_a_misspelt_option_with_a_value_is_no_field(capsys):
    assert main(["recommend", "--budgetminutes", "5", "--methosd", "lora", "--outputs=x"]) == 2
    text = capsys.readouterr().err
    assert "Unknown option '--budgetminutes'. Did you mean '--budget_minutes'? Options: --help, " in text
    assert "Unknown option '--outputs'. Did you mean '--output'?" in text
    assert "Unknown key 'methosd'. Did you mean 'methods'?" in text
    assert "source is missing" in text
