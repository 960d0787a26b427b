"""Citations of decisions, codes and rules."""

from nlp_transfer.metrics.factuality.citations import citation_items


def read(text: str) -> list[str]:
    return [text[item.start : item.end] for item in citation_items(text, bytearray(len(text)))]


def values(text: str) -> list:
    return [item.needs for item in citation_items(text, bytearray(len(text)))]


def test_decisions_in_their_spellings():
    text = "See Roe v. Wade, 410 U.S. 113 (1973) and 100 F. Supp. 3d 5."
    assert read(text) == ["410 U.S. 113", "100 F. Supp. 3d 5"]
    assert values("410 U.S. 113") == values("410 U. S. 113") == values("410 US 113")
    assert values("410 U.S. 113") != values("411 U.S. 113")


def test_codes():
    assert values("42 U.S.C. § 1983") == values("42 USC 1983") == values("42 U. S. C. Section 1983")
    assert read("17 C.F.R. § 240.10b-5") == ["17 C.F.R. § 240.10b-5"]
    assert read("Cal. Civ. Code § 1798.100 applies") == ["Cal. Civ. Code § 1798.100"]


def test_a_subsection_vouches_for_its_section():
    (part,), (whole,) = (list(citation_items(text, bytearray(40))) for text in ("42 USC 1983(a)", "42 USC 1983"))
    assert whole.needs <= part.vouches
    assert not part.needs & whole.vouches


def test_far_apart_and_at_the_edges():
    text = "410 U.S. 113" + " and so on" * 200 + " 411 U.S. 1"
    assert read(text) == ["410 U.S. 113", "411 U.S. 1"]
    assert read("") == []
    assert read("nach § 823 Abs. 1 BGB") == []
    assert read("5 Business Days; § 12; 3 Acme Inc. units") == []
