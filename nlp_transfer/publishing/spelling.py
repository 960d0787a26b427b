"""Texts as they are compared: what is spelled otherwise, and reads the same, becomes the same.

    HTML entities                       `&amp;`, `&#39;`
    Unicode's forms (NFKC)              a letter with its accent apart, ligatures, letters of full width
    what is not seen                    soft hyphens, zero-width characters
    upper and lower case                by case folding, so that STRASSE is Straße

CamelCase has two readings: `McDonald` is one word to one writer and a name of a label is eight to another.
"""

import html
import re
import unicodedata
from collections.abc import Iterator

from nlp_transfer.metrics.words import plain_words, word_places

_ENTITY = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
"""What `html.unescape` looks at."""

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)

_CASED = [chr(code) for code in range(0x530)]  # Latin, Greek, Cyrillic
_LOWER = "".join(filter(str.islower, _CASED))
_UPPER = "".join(filter(str.isupper, _CASED))
_HUMP = re.compile(f"[{_UPPER}](?:(?<=[{_LOWER}].)|(?<=[{_UPPER}].)(?=[{_LOWER}]))")
"""The capital that begins a word inside a word; the capital first, since a search for one is quick."""

_JOINING_JAMO = range(0x1160, 0x1200)
"""Korean vowels and ends of syllables, which join what stands before them, though they are no combining marks."""

PlacedWord = tuple[str, int, int]
"""A word as it is compared, and from where to where it stands in its text."""


def readings(text: str) -> Iterator[list[str]]:
    """The words of a text, in each of its readings: one, or two where it has CamelCase."""
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
    yield plain_words(text.casefold())
    if _HUMP.search(text):
        yield plain_words(_HUMP.sub(r" \g<0>", text).casefold())


def placed_readings(text: str) -> Iterator[list[PlacedWord]]:
    """The same with the places of the words; slower, for texts that are short."""
    seen = list(_pieces(text))
    plain = "".join(piece for piece, _, _ in seen)
    places = [(start, end) for piece, start, end in seen for _ in piece]
    yield _placed(plain, places, set())
    if humps := {match.start() for match in _HUMP.finditer(plain)}:
        yield _placed(plain, places, humps)


def _placed(text: str, places: list[tuple[int, int]], cuts: set[int]) -> list[PlacedWord]:
    folded, of = "", []
    for index, character in enumerate(text):
        same = " " * (index in cuts) + character.casefold()
        folded += same
        of += [places[index]] * len(same)
    return [(m.group().lower(), of[m.start()][0], of[m.end() - 1][1]) for m in word_places(folded)]


def _pieces(text: str) -> Iterator[tuple[str, int, int]]:
    """(as it is compared, start, end) of each letter with what belongs to it."""
    begun: list[tuple[str, int, int]] = []
    for character, start, end in _characters(text):
        joins = unicodedata.combining(character) or ord(character) in _JOINING_JAMO
        if begun and not joins:
            yield _piece(begun)
            begun = []
        begun.append((character, start, end))
    if begun:
        yield _piece(begun)


def _piece(begun: list[tuple[str, int, int]]) -> tuple[str, int, int]:
    letters = "".join(character for character, _, _ in begun)
    return unicodedata.normalize("NFKC", letters), begun[0][1], begun[-1][2]


def _characters(text: str) -> Iterator[tuple[str, int, int]]:
    """(character, start, end) of all that is seen, entities read."""
    at = 0
    for match in [*_ENTITY.finditer(text), None]:
        until = match.start() if match else len(text)
        units = [(text[place], place, place + 1) for place in range(at, until)]
        if match:
            units += [(character, *match.span()) for character in html.unescape(match.group())]
            at = match.end()
        yield from (unit for unit in units if not _UNSEEN.match(unit[0]))
