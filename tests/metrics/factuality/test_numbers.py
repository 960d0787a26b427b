"""Numbers, shares and amounts beside their units."""

import pytest

from nlp_transfer.metrics.factuality.items import Item
from nlp_transfer.metrics.factuality.numbers import number_items


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
    return all(any(need <= values for need in item.needs) for item in items(summary))


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
        ("US$ 70", "C$ 70"),
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
    assert stands("12 months", "a year")
    assert stands("$5 million", "from $5 to 10 million")
    assert stands("50%", "half of it")
    assert stands("version 1.1", "version 1.1.8")


def test_both_ends_of_a_range_are_shares():
    assert read("10-15 % a year") == [("number", "10"), ("number", "15 %")]
    assert stands("10%", "10 to 15 percent")


def test_numbers_of_lists_are_none():
    assert read("(1) pay; (2) go. 3. Stop") == []
    assert read("five (5) days") == [("number", "five"), ("number", "5")]


def test_what_is_taken_is_passed_over():
    assert list(number_items("12", bytearray(b"\1\1"))) == []
