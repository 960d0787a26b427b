"""What reads the same is the same word, and the places of words are where they stand in the text."""

import random

from nlp_transfer.publishing.spelling import placed_readings, readings


def test_words_and_their_readings() -> None:
    assert list(readings("The AT&amp;T\u00ad Straße")) == [["the", "at", "t", "strasse"]]
    assert list(readings("ABCWordTwo of McDonald")) == [
        ["abcwordtwo", "of", "mcdonald"],
        ["abc", "word", "two", "of", "mc", "donald"],
    ]
    assert list(readings("")) == [[]]


def test_places_are_those_of_the_text() -> None:
    text = "a\u00adb e\u0301&eacute;TheﬁrstStraße"
    plain, split = placed_readings(text)
    assert [(word, text[start:end]) for word, start, end in plain] == [
        ("ab", "a\u00adb"),
        ("ééthefirststrasse", "e\u0301&eacute;TheﬁrstStraße"),
    ]
    assert [(word, text[start:end]) for word, start, end in split[1:]] == [
        ("éé", "e\u0301&eacute;"),
        ("thefirst", "Theﬁrst"),
        ("strasse", "Straße"),
    ]


def test_both_readings_agree_on_what_a_text_is() -> None:
    generator = random.Random(0)
    signs = ["a", "B", "é", "e\u0301", "ﬁ", "\u00ad", "&amp;", "&", "&#39;", "&eacute", "ß", "İ", "각", " ", "_", "\n"]
    signs += ["\u200b", "见", "Σ", "한", "\u1100\u1161\u11a8", "½", "\u0345", "Ｔ", "&notit;", "क्षि", "Ꭰ", "1"]
    for _ in range(2000):
        text = "".join(generator.choices(signs, k=generator.randrange(30)))
        placed = [[word for word, _, _ in reading] for reading in placed_readings(text)]
        assert placed == list(readings(text)), text
