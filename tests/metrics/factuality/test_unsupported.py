"""What of a summary stands nowhere in its document."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_transfer.metrics.factuality.unsupported import UnsupportedFact, unsupported, unsupported_counts

LEASE = """LEASE
This Lease is made as of the 1st day of July, 2019, by Oakwood Properties, L.P. ("Landlord") and Blue Ridge Co., Inc.

1.1 Term. The term is sixty (60) months, from August 1, 2019 to July 31, 2024.
2.1 Rent. Tenant shall pay $4,083.33 a month, and a late charge of five percent (5%) after ten (10) days.
2.2 Deposit: Eight Thousand One Hundred Sixty-Six and 66/100 Dollars ($8,166.66).
(a) Insurance is not less than $1,000,000. 3. Law. 11 U.S.C. § 365(h); see Section 9.4(b) and 410 U.S. 113 (1973).
"""


@pytest.mark.parametrize(
    "summary",
    [
        "Oakwood Properties LP lets to Blue Ridge Co. for five years, from August 2019 until 31 July 2024.",
        "Rent is USD 4,083.33, with 5 per cent more after 10 days (Section 2.1).",
        "The 60-month lease of 7/1/2019 asks for $1 million of insurance under § 2.2(a) and a deposit of $8,166.66.",
        "See Sec. 9.4, 11 USC 365(h), 11 U.S.C. § 365 and 410 U. S. 113.",
        "",
        "No numbers here; no one pays.",
        "1. Rent is due.\n2. The term ends.",
    ],
)
def test_what_stands_in_the_document(summary):
    assert unsupported(summary, LEASE) == []


@pytest.mark.parametrize(
    ("summary", "kind", "text"),
    [
        ("The term is six (6) years.", "number", "six"),
        ("A charge of 7% is due.", "number", "7%"),
        ("It begins on August 2, 2019.", "date", "August 2, 2019"),
        ("It ends in June 2024.", "date", "June 2024"),
        ("Made in 2018.", "date", "2018"),
        ("The deposit is $9,166.66.", "money", "$9,166.66"),
        ("The deposit is €8,166.66.", "money", "€8,166.66"),
        ("Section 2.3 says so.", "number", "2.3"),
        ("See 410 U.S. 114.", "citation", "410 U.S. 114"),
        ("See 11 U.S.C. § 363.", "citation", "11 U.S.C. § 363"),
    ],
)
def test_what_does_not(summary, kind, text):
    start = summary.index(text)
    assert unsupported(summary, LEASE) == [UnsupportedFact(kind, text, start, start + len(text))]


def test_findings_come_in_the_summarys_order():
    found = unsupported("By 2017 Acme Inc. pays $7 under Section 8.", LEASE)
    assert [one.kind for one in found] == ["date", "money", "number"]


def test_counts_are_means():
    found = [unsupported("$9, $10 and 7 years", LEASE), unsupported("", LEASE)]
    counts = unsupported_counts(found)
    assert counts["unsupported"] == 1.5
    assert (counts["unsupported_money"], counts["unsupported_number"], counts["unsupported_date"]) == (1.0, 0.5, 0.0)


ANY = st.text(max_size=80)
PIECES = """
$|5|1,000|1 000|million|five|(5)|%|Section|4.2|(a)|§§|March|3|,|2020|and|Acme|Inc.|U.S.C.|42|410 U.S. 113|one|hundred|to|-|IV
4. A|("A")|days|half
"""
WRITTEN = st.lists(st.sampled_from(PIECES.replace("\n", "|\n|").split("|")), max_size=14).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.one_of(ANY, WRITTEN), st.one_of(ANY, WRITTEN))
def test_any_text_is_read_and_places_are_right(summary, document):
    for finding in unsupported(summary, document):
        assert summary[finding.start : finding.end] == finding.text
        assert finding.text


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.one_of(ANY, WRITTEN))
def test_a_text_supports_itself(text):
    assert unsupported(text, text) == []


def test_other_scripts_and_letters_that_only_look_alike():
    assert unsupported("本合同于2019年7月1日签订。", LEASE) == []
    assert unsupported("auguſt 1, 2019 and fıve \ud800", LEASE) == []


@pytest.mark.parametrize("unit", ["1,", "1 ", "§ 1-", "A B Inc ", "five (", "one and ", "(1"])
def test_time_grows_with_length(unit):
    start = time.perf_counter()
    assert unsupported("", unit * (50_000 // len(unit))) == []
    assert time.perf_counter() - start < 30
