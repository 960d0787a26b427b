"""Find runs of words that a published text shares with the texts that a model learned from.

Both are compared in one normal form: entities read, Unicode's compatibility forms (NFKD) without accents and invisible
characters, case folded, words without layout and punctuation. Words spelled together, divided at a line's end or mixed
with tags are compared as they are.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from nlp_transfer.hub.matches import ScanMatch
from nlp_transfer.metrics.tokenization import plain_words, word_matches

RUN_WORDS = 8
"""Minimum number of words of a shared run."""

_HIDDEN = ("Cf", "Mn", "Me")
"""Unicode categories of characters without width: format characters and marks."""

_UNIT = re.compile(r"&#?\w{1,32};?|.[\u0300-\u036f]*", re.DOTALL)
"""An entity, or a character with its accents."""


def visible(text: str) -> str:
    """Return a text with its entities read, and without characters that have no width.

    Example:
        >>> visible("AT&amp;T te\\u00adnant")
        'AT&T tenant'
    """
    text = html.unescape(text)
    return text if text.isascii() else "".join(one for one in text if unicodedata.category(one) not in _HIDDEN)


def _normal(text: str) -> str:
    text = html.unescape(text)
    return (text if text.isascii() else visible(unicodedata.normalize("NFKD", text))).casefold()


def shared_runs(texts: Iterable[tuple[str, str]], corpus: Iterable[str]) -> list[ScanMatch]:
    """Return the longest shared runs of at least `RUN_WORDS` words, each once, as they are spelled in `texts`.

    Args:
        texts: (name, wording) of the published texts; see `nlp_transfer.hub.package.wording`.

    Example:
        >>> [found.text for found in shared_runs([("card", "so: A b c d e f g h!")], ["A, b, c, d, e, f, g, h"])]
        ['A b c d e f g h']
    """
    published = [(name, text, _placed_words(text)) for name, text in texts]
    wanted = {run for _, _, words in published for run in _runs([word for word, _, _ in words])}
    held: set[int] = set()
    for text in corpus if wanted else ():
        held.update(wanted.intersection(_runs(plain_words(_normal(text)))))
    found = [
        ScanMatch(
            "corpus",
            f"{last - first} words that stand in the corpus",
            name,
            text.count("\n", 0, words[first][1]) + 1,
            " ".join(text[words[first][1] : words[last - 1][2]].split()),
        )
        for name, text, words in published
        for first, last in _stretches([word for word, _, _ in words], held)
    ]
    return list({(one.file, one.line, one.text): one for one in reversed(found)}.values())[::-1]


def _placed_words(text: str) -> list[tuple[str, int, int]]:
    """Return the words in normal form, each with its start and end in the text; slower."""
    normal, places = "", []
    for unit in _UNIT.finditer(text):
        new = _normal(unit[0])
        normal += new
        places += [unit.span()] * len(new)
    return [(one[0], places[one.start()][0], places[one.end() - 1][1]) for one in word_matches(normal)]


def _runs(words: Sequence[str]) -> Iterator[int]:
    """Yield a hash of each run of `RUN_WORDS` words."""
    return map(hash, zip(*(words[start:] for start in range(RUN_WORDS)), strict=False))


def _stretches(words: Sequence[str], held: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the first word of each held run and the one after its last; runs that overlap are one."""
    first = last = -1
    for start, run in enumerate(_runs(words)):
        if run in held:
            if start >= last >= 0:
                yield first, last
                first = -1
            first, last = (start if first < 0 else first), start + RUN_WORDS
    if last >= 0:
        yield first, last
