"""Numbers, their readings, and what belongs to them: units, shares and currencies."""

from decimal import Decimal

import pytest

from nlp_transfer.metrics.factuality.numbers import KINDS, Item, number_items, numerals, take


def items(text: str) -> list[Item]:
    return [item for item in number_items(text, bytearray(len(text))) if item.needs]


def read(text: str) -> list[tuple[str, str]]:
    return [(item.kind, text[item.start : item.end]) for item in items(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pays $1,000,000 now", ("money", "$1,000,000")),
        ("pays USD 1 million now", ("money", "USD 1 million")),
        ("pays US$ 5m now", ("money", "US$ 5m")),
        ("pays one million dollars now", ("money", "one million dollars")),
        ("pays 5,50 € now", ("money", "5,50 €")),
        ("paie 4 083,33 $ par mois", ("money", "4 083,33 $")),
        ("pays One Hundred and 50/100 Dollars", ("money", "One Hundred and 50/100 Dollars")),
        ("pays ten per cent a year", ("number", "ten per cent")),
        ("pays 2.5% a year", ("number", "2.5%")),
        ("in 30 days", ("number", "30")),
    ],
)
def test_what_belongs_to_a_number(text, found):
    assert read(text)[0] == found


def stands(summary: str, document: str) -> bool:
    values = {value for item in number_items(document, bytearray(len(document))) for value in item.vouches}
    return all(item.needs & values for item in items(summary))


SAME = [
    ("$1,000,000", "USD 1 million"),
    ("$1,000,000", "1,000,000 dollars"),
    ("$5bn", "five billion U.S. dollars"),
    ("€2.5 million", "EUR 2,500,000"),
    ("£3k", "3,000 pounds"),
    ("$0.50", "50 cents"),
    ("10%", "ten per cent"),
    ("10 percent", "10 %"),
    ("five", "5"),
    ("36 months", "three years"),
    ("2 weeks", "fourteen days"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_value(one, other):
    assert stands(one, other)
    assert stands(other, one)


@pytest.mark.parametrize(
    ("summary", "document"),
    [
        ("$5 million", "5"),
        ("$5", "5"),
        ("€5,000,000", "$5,000,000"),
        ("10%", "10"),
        ("5", "50"),
        ("36 months", "3 months"),
    ],
)
def test_other_values(summary, document):
    assert not stands(summary, document)


def test_what_an_amount_or_a_share_vouches_for():
    assert stands("5,000", "$5,000")
    assert stands("$5,000", "Rent (USD): 5,000.00")
    assert stands("10 a year", "10% a year")
    assert stands("$70", "C$ 70")


def test_both_ends_of_a_range_are_shares():
    assert read("10-15 % a year") == [("number", "10"), ("number", "15 %")]
    assert stands("10%", "10 to 15 percent")


def test_numbers_of_lists_are_none():
    assert read("(1) pay; (2) go. 3. Stop") == []
    assert read("five (5) days") == [("number", "five")]


def test_what_is_taken_is_passed_over():
    assert list(number_items("12", bytearray(b"\1\1"))) == []


def readings(text: str) -> list[tuple[str, list]]:
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
        (".5", [Decimal("0.5")]),
    ],
)
def test_readings_of_digits(digits, values):
    assert readings(digits) == [(digits, values)]


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
    assert [values for _, values in readings(words)] == [[value]]


def test_words_that_make_no_one_number_are_several():
    assert readings("five and six") == [("five", [5]), ("six", [6])]
    assert readings("nineteen ninety-five") == [("nineteen", [19]), ("ninety-five", [95])]
    assert readings("five six") == [("five", [5]), ("six", [6])]


def test_what_follows_a_number_belongs_to_it():
    assert readings("2.5 million") == [("2.5 million", [2_500_000])]
    assert readings("5k and 3bn") == [("5k", [5000, 5]), ("3bn", [3 * 10**9, 3])]
    assert readings("the 3rd") == [("3rd", [3])]


def test_parts_of_words_pronouns_and_ordinals_in_words_are_no_claims():
    assert readings("500px, GPLv2, no one, the second year, zero, oneself, tense, weight") == []


def test_digits_of_other_scripts():
    assert readings("٥٠") == [("٥٠", [50])]
    assert readings("x² and ½") == []


def item(start: int, end: int) -> Item:
    return Item("number", start, end, frozenset([("number", 5)]), frozenset([("number", 5)]))


def test_characters_are_taken_once():
    taken = bytearray(6)
    assert take(taken, item(1, 3))
    assert taken == b"\0\1\1\0\0\0"
    assert not take(taken, item(2, 5))
    assert taken == b"\0\1\1\0\0\0"
    assert take(taken, item(3, 6))


def test_kinds_are_those_of_counts():
    assert KINDS == ("number", "date", "money", "citation")
