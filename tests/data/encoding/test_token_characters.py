"""The characters of words, by the offsets of tokens."""

import pytest

from nlp_transfer.data.encoding.token_characters import TOKENS, WORDS, token_characters

NONE = (0, 0)


@pytest.mark.parametrize(
    ("text", "offsets", "expected"),
    [
        ("paracetamol 500mg", [(0, 4), (4, 11), (12, 15), (15, 17)], [(0, 11), NONE, (12, 17), NONE]),
        ("IL-2 x_1", [(0, 2), (2, 3), (3, 4), (5, 6), (6, 8)], [(0, 2), (2, 3), (3, 4), (5, 8), NONE]),
        ("(a)(b)", [(0, 1), (1, 2), (2, 4), (4, 5), (5, 6)], [(0, 1), (1, 2), (2, 4), (4, 5), (5, 6)]),
        ("cafe\u0301s", [(0, 4), (5, 6)], [(0, 6), NONE]),
        ("\u65e5\u672c\u8a9e", [(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]),
        ("\U0001f600a", [(0, 1), (0, 1), (1, 2)], [(0, 1), NONE, (1, 2)]),
        ("a  b", [(0, 1), (1, 2), (3, 4)], [(0, 1), NONE, (3, 4)]),
    ],
    ids=["pieces", "punctuation", "brackets", "marks", "no blanks", "bytes of one character", "white space"],
)
def test_the_first_token_of_a_word_has_all_of_it(text, offsets, expected):
    assert token_characters(text, offsets, WORDS) == expected


def test_every_token_has_its_own_characters():
    assert token_characters("500mg", [(0, 3), (3, 5)], TOKENS) == [(0, 3), (3, 5)]
    assert token_characters("\u0301a b\u0301\u0301", [(1, 2), (3, 4)], TOKENS) == [(0, 2), (3, 6)]
