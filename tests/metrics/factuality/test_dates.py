"""Dates, and what they vouch for."""

import pytest

from nlp_transfer.metrics.factuality.dates import date_items


def read(text: str) -> list[str]:
    return [text[item.start : item.end] for item in date_items(text, bytearray(len(text)))]


@pytest.mark.parametrize(
    "written",
    [
        "March 3, 2020",
        "3 March 2020",
        "3rd day of March, 2020",
        "third day of March 2020",
        "Mar. 3, 2020",
        "march 3 2020",
        "2020-03-03",
        "2020/3/3",
        "2020-Mar-3",
        "3-Mar-2020",
        "03/03/2020",
        "3/3/20",
        "3.3.2020",
    ],
)
def test_one_day_in_many_spellings(written):
    (item,) = date_items(written, bytearray(len(written)))
    assert (item.kind, item.start, item.end) == ("date", 0, len(written))
    assert {("date", 2020, 3, 3), ("month", 2020, 3), ("day", 3, 3), ("number", 2020)} <= item.vouches
    assert ("date", 2020, 3, 3) in item.needs


def test_a_day_that_can_be_read_in_two_ways():
    (item,) = date_items("3/4/2020", bytearray(8))
    assert {("date", 2020, 3, 4), ("date", 2020, 4, 3)} <= item.needs
    (item,) = date_items("13/4/2020", bytearray(9))
    assert ("date", 2020, 4, 13) in item.vouches
    assert not any(value[:2] == ("month", 2020) and value[2] != 4 for value in item.vouches)


def test_months_years_and_days_without_one():
    (month,) = date_items("2020-03", bytearray(7))
    assert month.needs == {("month", 2020, 3)}
    (year,) = date_items("since 2020", bytearray(10))
    assert (year.start, year.end, year.needs) == (6, 10, {("number", 2020)})
    (day,) = date_items("March 3", bytearray(7))
    assert ("yearless", 3, 3) in day.vouches


@pytest.mark.parametrize(
    "text",
    ["you may 5 times", "DEC 3 clause", "31/31/2020", "February 30", "4.2.10", "Section 12", "2020-2021", "in 2000%"],
)
def test_what_is_no_date(text):
    assert read(text) == []


def test_what_is_taken_is_no_date():
    taken = bytearray(b"\1" * 13)
    assert list(date_items("March 3, 2020", taken)) == []
