"""A summary without capitals gets them where names and citations need them, and stays as long as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_transfer.metrics.factuality.casing import cased
from nlp_transfer.metrics.factuality.unsupported import unsupported

DOCUMENT = (
    "The Tenant pays Acme Inc. under 41 U.S.C. § 10 and Article III. The court, in May, may agree with the court."
)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("the tenant pays acme inc.", "The Tenant pays Acme Inc."),
        ("beta llc owes usd 5", "Beta LLC Owes USD 5"),
        ("42 u.s.c. § 1985, article iv", "42 U.S.C. § 1985, Article IV"),
        ("The tenant pays", "The tenant pays"),
        ("", ""),
    ],
)
def test_by_hand(summary, expected):
    assert cased(summary, DOCUMENT) == expected


@given(st.text(max_size=60), st.text(max_size=60))
def test_places_stay(summary, document):
    made = cased(summary.lower(), document)
    assert len(made) == len(summary.lower())


@pytest.mark.parametrize(
    ("summary", "kinds"),
    [
        ("beta holdings llc agreed.", ["party"]),
        ("it sued acme inc. today.", []),
        ("410 u.s. 113", ["citation"]),
        ("see 42 u.s.c. § 1985.", ["citation"]),
        ("usd 5 million", ["money"]),
        ("article iv says, article iii says", ["section"]),
        ("the new tenant may pay a fine", []),
    ],
)
def test_what_an_uncased_model_makes_up_is_found(summary, kinds):
    found = unsupported(summary, DOCUMENT)
    assert [one.kind for one in found] == kinds
    assert all(summary[one.start : one.end] == one.text for one in found)
