"""What a number may be, by hand."""

from decimal import Decimal

import pytest

from nlp_transfer.metrics.factuality.numerals import digit_values, numerals


def read(text: str) -> list[tuple[str, list]]:
    return [(text[one.start : one.end], list(one.values)) for one in numerals(text) if not one.vague]


@pytest.mark.parametrize(
    ("digits", "values"),
    [
        ("7", [7]),
        ("1,000", [1000]),
        ("1,000,000.50", [Decimal("1000000.50")]),
        ("1,00,000", [100000]),
        ("1.000.000", [1000000]),
        ("1.000,50", [Decimal("1000.50")]),
        ("1.234", [Decimal("1.234"), 1234]),
        ("4.25", [Decimal("4.25")]),
        ("10,5", [Decimal("10.5"), 10, 5]),
        ("1 000", [1000, 1, 0]),
        ("1'000", [1000]),
        ("1.0.2", ["1.0.2"]),
        ("3.0.0", [3]),
        (".5", [Decimal("0.5")]),
    ],
)
def test_readings_of_digits(digits, values):
    assert digit_values(digits) == values


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("five", 5),
        ("twenty-five", 25),
        ("one hundred and five", 105),
        ("twenty-five hundred", 2500),
        ("One Thousand Two Hundred Thirty-Four", 1234),
        ("two million five hundred thousand", 2_500_000),
        ("a hundred", 100),
    ],
)
def test_numbers_in_words(words, value):
    assert [values for _, values in read(words)] == [[value]]


def test_words_that_make_no_one_number_are_several():
    assert read("five and six") == [("five", [5]), ("six", [6])]
    assert read("nineteen ninety-five") == [("nineteen", [19]), ("ninety-five", [95])]
    assert read("five six") == [("five", [5]), ("six", [6])]


def test_what_follows_a_number_belongs_to_it():
    assert read("2.5 million") == [("2.5 million", [2_500_000])]
    assert read("5k and 3bn") == [("5k", [5000, 5]), ("3bn", [3 * 10**9, 3])]
    assert read("the 3rd") == [("3rd", [3])]


def test_parts_of_words_pronouns_and_ordinals_in_words_are_no_claims():
    assert read("500px, GPLv2, no one, the second year, zero, both, oneself, tense, weight") == []


def test_digits_of_other_scripts():
    assert read("٥٠") == [("٥٠", [50])]
    assert read("x² and ½") == []
