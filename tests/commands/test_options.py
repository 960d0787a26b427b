"""Overrides from the words of a command line."""

import pytest

from nlp_transfer.commands.options import read_overrides
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
