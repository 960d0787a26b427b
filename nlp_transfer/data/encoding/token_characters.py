"""Find the characters of the words that tokens begin.

Words are runs of letters, digits and their marks, and every other character by itself; in scripts without blanks, every
token. The first token of a word has all of its characters; its other tokens, and those of white space, have none.
"""

import re
import unicodedata
from collections.abc import Sequence

from nlp_transfer.data.encoding.sentences import CharSpan
from nlp_transfer.data.validation.spans import trimmed

WORDS, TOKENS = "words", "tokens"

UNITS = (WORDS, TOKENS)
"""What has a tag."""

_WITHOUT_BLANKS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""A character of a script without blanks between words: Thai, Lao, Burmese, Khmer, Chinese and Japanese."""


def token_characters(text: str, offsets: Sequence[CharSpan], unit: str = WORDS) -> list[CharSpan]:
    r"""Return the characters of the word that each token begins; (0, 0) for a token that begins none.

    Characters that no token has, such as combining marks, belong to the token before them, up to white space.

    Args:
        offsets: of the tokens, as a fast tokenizer gives them.
        unit: `WORDS`, or `TOKENS` for the characters of each token.

    Example:
        >>> token_characters("10 cafe\u0301s", [(0, 2), (3, 7), (8, 9)])
        [(0, 2), (3, 9), (0, 0)]
        >>> token_characters("10 cafe\u0301s", [(0, 2), (3, 7), (8, 9)], TOKENS)
        [(0, 2), (3, 8), (8, 9)]
    """
    found = _own_characters(text, offsets)
    if unit == TOKENS:
        return found
    first = None  # of the word
    for place, (start, end) in enumerate(found):
        if start == end:
            continue
        if first is not None and start <= found[first][1] and _goes_on(text, start, found[first]):
            found[first], found[place] = (found[first][0], max(end, found[first][1])), (0, 0)
        else:
            first = place
    return found


def _goes_on(text: str, start: int, word: CharSpan) -> bool:
    """Return whether the character at `start` belongs to a word that it follows, or that has it already."""
    if start < word[1]:
        return True
    both = text[start - 1 : start + 1]
    return all(map(_is_of_word, both)) and not _WITHOUT_BLANKS.search(both)


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or unicodedata.category(character)[0] == "M"


def _own_characters(text: str, offsets: Sequence[CharSpan]) -> list[CharSpan]:
    """Return the characters of each token, without white space; (0, 0) for a token without a visible one."""
    found: list[CharSpan] = []
    before = 0
    for place, (first, last) in enumerate(offsets):
        following, start, end = offsets[place + 1][0] if place + 1 < len(offsets) else len(text), first, last
        while start < end < following and not text[end].isspace():
            end += 1
        while before < start < end and not text[start - 1].isspace():
            start -= 1
        before = max(before, end)
        start, end = trimmed(text, start, end)
        found.append((start, end) if start < end else (0, 0))
    return found
