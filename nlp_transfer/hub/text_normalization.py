"""Texts as they are compared: what is spelled otherwise, and reads the same, becomes the same.

    HTML entities                       `&amp;`, `&#39;`
    Unicode's forms (NFKD)              ligatures, letters of full width, Korean syllables
    accents                             dropped, so that `café`, in either form, is `cafe`
    what is not seen                    soft hyphens, zero-width characters
    upper and lower case                by case folding, so that STRASSE is Straße

Three things have two readings each, as they stand and otherwise, since nobody can say which was meant:

    tags                                `<b>word</b>`; in `a <b and c> d`, as in a picture's description, are words
    words that a line's end divides     `subl-` over `icense` is one word, `well-` over `known` two
    CamelCase                           `McDonald` is one word to one writer, a name of a label is eight to another

Not found is what reads the same to a person only: percent-encoding (`the%20tenant`), one word on each numbered line or
other words between, links' addresses between the words, letters of other alphabets that look alike (a Cyrillic `а`)
and those that are crossed (`ø`, `ł`), words glued together in lower case, and `subl-` and `well-` in one run, since all
divided words are read one way at a time.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import filterfalse

from nlp_transfer.metrics.tokenization import plain_words, word_places

_ENTITY = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
"""What `html.unescape` looks at."""

Replacement = Callable[[re.Match[str]], str]

_UNSEEN: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (
        re.compile(
            "[\u034f\u0488\u0489\u061c\u180b-\u180f\u1abe\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20dd-\u20e0"
            "\u20e2-\u20e4\ua670-\ua672\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
        ),
        lambda _: "",
    ),
    (re.compile(r"[\u2010\u2011]|\u00ad(?=\s)"), lambda _: "-"),  # a soft hyphen is seen where a line ends
    (re.compile(r"\u00ad"), lambda _: ""),
)
"""What is not seen, or goes around a letter without being a part of it, and what it becomes; hyphens as one."""

_BEYOND_ASCII = re.compile(r"[\u0300-\U0010ffff]+")
"""Where accents are looked for; decomposed text has none below."""

_TAG = re.compile(r"<(?:!--|[/!?]?([A-Za-z][\w:-]*))[^<>]*>")
_INSIDE_WORDS = re.compile(
    "(?i)a|abbr|b|bdi|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|tt|u|var"
    "|wbr"
)
"""Tags that end no word; nor do comments."""

_BREAK = re.compile(r"-(?<=[^\W\d_].)\s[\s>]*(?=[^\W\d_])")
"""A word divided at a line's end, in a quotation too; of JSON, a line's end is a space (hub/package.py). The hyphen
first, as the capital below: a search for one is quick."""

_CASED = [chr(code) for code in range(0x530)]  # Latin, Greek, Cyrillic
_LOWER = "".join(filter(str.islower, _CASED))
_UPPER = "".join(filter(str.isupper, _CASED))
_HUMP = re.compile(f"[{_UPPER}](?:(?<=[{_LOWER}].)|(?<=[{_UPPER}].)(?=[{_LOWER}]))")
"""The capital that begins a word inside a word; the capital first."""


def _instead_of_tag(tag: re.Match[str]) -> str:
    return "" if tag[1] is None or _INSIDE_WORDS.fullmatch(tag[1]) else "\n"


_OTHERWISE: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    (_TAG, _instead_of_tag),
    (_BREAK, lambda _: ""),
    (_HUMP, lambda hump: f" {hump[0]}"),
)
"""What has two readings, and what it becomes in the second."""

Place = tuple[int, int]
"""From where to where something stands in its text."""

PlacedWord = tuple[str, int, int]
"""A word as it is compared, and from where to where it stands in its text."""


def readings(text: str) -> Iterator[list[str]]:
    """The words of a text, in each of its readings: one, and twice as many for each thing that has two."""
    text = as_seen(text)
    texts = [text if text.isascii() else _unaccented(text)]
    for pattern, instead in _OTHERWISE:
        texts += [pattern.sub(instead, one) for one in texts if pattern.search(one)]
    for one in texts:
        yield plain_words(one.casefold())


def as_seen(text: str) -> str:
    """A text with its entities read and without what is not seen."""
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        for pattern, instead in _UNSEEN:
            text = pattern.sub(instead, text)
    return text


def _unaccented(text: str) -> str:
    def without_marks(run: re.Match[str]) -> str:
        return "".join(filterfalse(unicodedata.combining, run[0]))

    return _BEYOND_ASCII.sub(without_marks, unicodedata.normalize("NFKD", text))


def placed_readings(text: str) -> Iterator[list[PlacedWord]]:
    """The same with the places of the words; slower, for texts that are short."""
    placed = _Placed(text, [(at, at + 1) for at in range(len(text))])
    placed = placed.replaced(_ENTITY, lambda entity: html.unescape(entity[0]))
    for pattern, instead in _UNSEEN:
        placed = placed.replaced(pattern, instead)
    texts = [placed.by_character(_unaccented)]
    for pattern, instead in _OTHERWISE:
        texts += [one.replaced(pattern, instead) for one in texts if pattern.search(one.text)]
    for one in texts:
        yield one.by_character(str.casefold).words()


class _Placed:
    """A text on its way to be compared, and where each of its characters came from."""

    def __init__(self, text: str, places: list[Place]) -> None:
        self.text = text
        self.places = places

    def replaced(self, pattern: re.Pattern[str], instead: Replacement) -> "_Placed":
        """`pattern.sub`."""
        text, places, at = "", [], 0
        for match in pattern.finditer(self.text):
            new, (first, last) = instead(match), match.span()
            text += self.text[at:first] + new
            places += self.places[at:first] + [(self.places[first][0], self.places[last - 1][1])] * len(new)
            at = last
        return _Placed(text + self.text[at:], places + self.places[at:])

    def by_character(self, change: Callable[[str], str]) -> "_Placed":
        """Each character changed; one that becomes nothing, an accent, belongs to the letter before it."""
        text: list[str] = []
        places: list[Place] = []
        for character, place in zip(self.text, self.places, strict=True):
            new = change(character)
            if not new and places:
                places[-1] = (places[-1][0], place[1])
            text.append(new)
            places += [place] * len(new)
        return _Placed("".join(text), places)

    def words(self) -> list[PlacedWord]:
        """Its words, and where each came from."""
        return [
            (word.group().lower(), self.places[word.start()][0], self.places[word.end() - 1][1])
            for word in word_places(self.text)
        ]
