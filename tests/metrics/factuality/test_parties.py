"""Companies and defined parties."""

import pytest

from nlp_transfer.metrics.factuality.parties import name_words, parties, stands_in


def read(text: str) -> list[str]:
    return [text[one.start : one.end] for one in parties(text)]


def stands(summary: str, document: str) -> bool:
    (party,) = parties(summary)
    companies = {(name, one.ending) for one in parties(document) if one.ending for name in one.names}
    return stands_in(party, f" {' '.join(name_words(document))} ", companies)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Under it Acme Widgets, Inc. pays.", ["Acme Widgets, Inc."]),
        ("By Blue Ridge Coffee Co. and Beta L.L.C. today", ["Blue Ridge Coffee Co.", "Beta L.L.C."]),
        ("Müller & Söhne GmbH", ["Müller & Söhne GmbH"]),
        ("Copyright 2006 Acme Corporation.", ["Acme Corporation"]),
        ("Route 66 Holdings, LLC", ["Route 66 Holdings, LLC"]),
        ('between A (the "Company") and B ("Buyer")', ["Company", "Buyer"]),
        ("“Borrower” means A", ["Borrower"]),
    ],
)
def test_names(text, found):
    assert sorted(read(text)) == sorted(found)


@pytest.mark.parametrize(
    "text",
    [
        "The Company pays.",
        "a limited liability company",
        "Limited Liability Company",
        "Intel Limited Patent License",
        "acme inc.",
        "eCos Limited",
        'he said ("no")',
        "Parties\nInc.",
    ],
)
def test_no_names(text):
    assert read(text) == []


def test_spellings_of_one_name():
    assert stands("Acme Widgets Incorporated", "ACME WIDGETS, INC. is here")
    assert stands("Beta L.L.C.", "Beta LLC")
    assert stands("L'Oréal S.A.", "between L'OREAL SA and B")
    assert stands("Acme Widgets, Inc.", "Acme Widgets is here")
    assert stands("Licensor Acme Inc.", "between Acme Inc. and B")
    assert stands("Smith and Beta LLC", "Beta LLC and Smith")


def test_another_name():
    assert not stands("Acme LLC", "only Acme Inc. is here")
    assert not stands("Acme Holdings Inc.", "Zeta Holdings Inc.")
    assert not stands('(the "Seller")', "the Buyer")
    assert not stands('(the "Senior Lender")', '(the "Lender")')
