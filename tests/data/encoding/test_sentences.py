"""Where sentences begin and end, in legal text above all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_transfer.data.encoding.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[first:last] for first, last in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "See Fed. R. Civ. P. 12(b)(6) and 42 U.S.C. § 101 et seq., the court. It held No. 12 is (a)(ii) void.",
            [
                "See Fed. R. Civ. P. 12(b)(6) and 42 U.S.C. § 101 et seq., the court.",
                "It held No. 12 is (a)(ii) void.",
            ],
        ),
        ("Buyer, Inc. shall pay. Seller may sue.", ["Buyer, Inc. shall pay.", "Seller may sue."]),
        (
            "1. The Licensee shall pay. 2. The Licensor may terminate. 3.1 Notices. (a) By mail.",
            ["1. The Licensee shall pay.", "2. The Licensor may terminate.", "3.1 Notices.", "(a) By mail."],
        ),
        (
            "DEFINITIONS\n\nThe parties agree\nas follows:\n(a) first item;\n(b) second item; and\n§ 3 Third.",
            [
                "DEFINITIONS",
                "The parties agree\nas follows:",
                "(a) first item;",
                "(b) second item; and",
                "§ 3 Third.",
            ],
        ),
        ("We list:\n- one\n- two", ["We list:", "- one", "- two"]),
        ("we may change. if we do we tell you.", ["we may change.", "if we do we tell you."]),
        (
            "Das ist ein Satz. Gemäß Art. 5 Abs. 2 DSGVO gilt dies. Nr. 12 ist nichtig.",
            ["Das ist ein Satz.", "Gemäß Art. 5 Abs. 2 DSGVO gilt dies.", "Nr. 12 ist nichtig."],
        ),
        ("C'est l'art. 5 de la loi. M. Dupont a dit non.", ["C'est l'art. 5 de la loi.", "M. Dupont a dit non."]),
        ("これは文です。次の文です。終わり", ["これは文です。", "次の文です。", "終わり"]),
        ("甲方付款。乙方交货！丙方？是的。", ["甲方付款。", "乙方交货！", "丙方？", "是的。"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
        (
            "See http://x.com/a?b=1 now. Who owns it?) Nobody.",
            ["See http://x.com/a?b=1 now.", "Who owns it?)", "Nobody."],
        ),
        ("ARTICLE I\nDEFINITIONS\nThe following apply.", ["ARTICLE I\nDEFINITIONS", "The following apply."]),
        ("as said in section\n3. of this deed.", ["as said in section\n3. of this deed."]),
        ("(a) one;\r(b) two.\r\n(c) three.", ["(a) one;", "(b) two.", "(c) three."]),
        ("No full stop", ["No full stop"]),
        ("2.\n\nA number alone", ["2.", "A number alone"]),
    ],
)
def test_sentences_of_many_kinds(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize("text", ["", "   ", "\n\n \t\n"])
def test_without_text_there_are_none(text: str) -> None:
    assert sentence_spans(text) == []


def test_a_huge_sentence_is_one() -> None:
    assert sentence_spans("word " * 20_000) == [(0, 99_999)]


@given(st.text(alphabet="aB1.?!。()§ \n\t-é文", max_size=80))
def test_nothing_but_white_space_is_lost_and_nothing_is_twice(text: str) -> None:
    spans = sentence_spans(text)
    assert "".join("".join(text[first:last].split()) for first, last in spans) == "".join(text.split())
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(text[first:last] == text[first:last].strip() != "" for first, last in spans)


def test_given_sentences_are_kept() -> None:
    text = "One. Two\nThree. Four"
    assert [text[first:last] for first, last in sentence_spans(text, [0, 9])] == ["One. Two", "Three. Four"]
    assert sentence_spans(text, [0, 9]) == sentence_spans(text, [0, 9])
    assert sentence_spans(text) == sentence_spans(text)


@pytest.mark.parametrize("text", ["See figure.\n" + "1." * 500 + "1 x marks it.", "1. " * 20_000, "\n" * 200_000])
def test_odd_texts_take_no_time(text: str) -> None:
    spans = sentence_spans(text)  # backtracking would take years for the first
    assert "".join("".join(text[first:last].split()) for first, last in spans) == "".join(text.split())
