"""What reads the same is the same word, and the places of words are where they stand in the text."""

import random

import pytest

from nlp_transfer.hub.text_normalization import placed_readings, readings


def test_words_and_their_readings() -> None:
    assert list(readings("The AT&amp;\u00adT Straße")) == [["the", "at", "t", "strasse"]]
    assert list(readings("ABCWordTwo of McDonald")) == [
        ["abcwordtwo", "of", "mcdonald"],
        ["abc", "word", "two", "of", "mc", "donald"],
    ]
    assert list(readings("")) == [[]]


@pytest.mark.parametrize(
    "text", ["Café öffnen 각", "Cafe\u0301 o\u0308ffnen \u1100\u1161\u11a8", "cafe o\u20ddffne\u0301n 각\u0301"]
)
def test_accents_are_dropped(text: str) -> None:
    assert list(readings(text)) == [["cafe", "offnen", "\u1100\u1161\u11a8"]]
    ((*_, (word, start, end)),) = placed_readings(text)
    assert (word, text[start:end]) == ("\u1100\u1161\u11a8", text.rsplit(maxsplit=1)[-1])


@pytest.mark.parametrize(
    ("text", "otherwise"),
    [
        ("<b>one</b> <I>two</I>", [["one", "two"]]),
        ("o<em class='x'>n</em>e<br/>two", [["one", "two"]]),
        ("&lt;td&gt;one&lt;/td&gt;<td>two</td>", [["one", "two"]]),
        ("o<!-- a note -->ne two", [["one", "two"]]),
        ("one<wbr>two", [["onetwo"]]),
        ("subl-\nicense", [["sublicense"]]),
        ("subl\u00ad\r\n > icense", [["sublicense"]]),
        ("subl\u2010<br>icense", [["subl", "icense"], ["sublicense"]]),
        ("one < two and 3 <4 > 2, well-known - or -\nso 1-\n2", []),
    ],
)
def test_tags_and_lines_ends_have_two_readings(text: str, otherwise: list[list[str]]) -> None:
    as_it_stands, *others = readings(text)
    assert others == otherwise
    assert as_it_stands not in others


def test_words_inside_tags_are_words_too() -> None:
    assert list(readings('<img alt="one two"> three')) == [["img", "alt", "one", "two", "three"], ["three"]]
    assert list(readings("if a <b and c> d")) == [["if", "a", "b", "and", "c", "d"], ["if", "a", "d"]]


def test_places_are_those_of_the_text() -> None:
    text = "a\u00adb e\u0301&eacute;TheﬁrstStraße"
    plain, split = placed_readings(text)
    assert [(word, text[start:end]) for word, start, end in plain] == [
        ("ab", "a\u00adb"),
        ("eethefirststrasse", "e\u0301&eacute;TheﬁrstStraße"),
    ]
    assert [(word, text[start:end]) for word, start, end in split[1:]] == [
        ("ee", "e\u0301&eacute;"),
        ("thefirst", "Theﬁrst"),
        ("strasse", "Straße"),
    ]


def test_both_readings_agree_on_what_a_text_is() -> None:
    generator = random.Random(0)
    signs = ["a", "B", "é", "e\u0301", "ﬁ", "\u00ad", "&amp;", "&", "&#39;", "&eacute", "ß", "İ", "각", " ", "_", "\n"]
    signs += ["\u200b", "见", "Σ", "한", "\u1100\u1161\u11a8", "½", "\u0345", "Ｔ", "&notit;", "क्षि", "Ꭰ", "1"]
    signs += ["<b>", "</b>", "<br>", "&lt;", "<", ">", "<!-- x -->", "-", "-\n", "\u2011", "\u20dd", "\u0e31", "≮", "ø"]
    for _ in range(2000):
        text = "".join(generator.choices(signs, k=generator.randrange(30)))
        placed = [[word for word, _, _ in reading] for reading in placed_readings(text)]
        assert placed == list(readings(text)), text
