"""Runs of words that stand both in what is about to be published and in the texts that a model learned from.

Words are runs of letters and digits (metrics/tokenization.py), compared as hub/text_normalization.py has them, so that
another layout, punctuation or spelling hides nothing. Of each run its longest word is looked for first; long words are
rare, so most of a corpus is passed over.
"""

from collections.abc import Iterable, Iterator

from nlp_transfer.hub.matches import ScanMatch
from nlp_transfer.hub.text_normalization import PlacedWord, placed_readings, readings

RUN_WORDS = 8
"""How many words in a row are no coincidence."""

Run = tuple[str, ...]

Stretch = tuple[int, int, int]
"""Where a shared run begins and ends in its text, and how many words it has."""


def shared_runs(texts: Iterable[tuple[str, str]], corpus: Iterable[str]) -> list[ScanMatch]:
    """The longest shared runs of at least `RUN_WORDS` words, each once, as they are spelled in what is published.

    Args:
        texts: (name, wording) of what is published; see `nlp_transfer.hub.package.wording`.
        corpus: the texts that must not be; read once.
    """
    published = [(name, text, list(placed_readings(text))) for name, text in texts]
    wanted = _by_longest_word(
        run for _, _, several in published for placed in several for run in _runs([word for word, _, _ in placed])
    )
    held: set[Run] = set()
    for text in corpus:
        for words in readings(text):
            held.update(_held(words, wanted))
    found = [
        _finding(name, text, stretch)
        for name, text, several in published
        for stretch in _widest(stretch for placed in several for stretch in _stretches(placed, held))
    ]
    return list({(one.file, one.line, one.text): one for one in reversed(found)}.values())[::-1]


def _runs(words: list[str]) -> Iterator[Run]:
    for start in range(len(words) - RUN_WORDS + 1):
        yield tuple(words[start : start + RUN_WORDS])


def _by_longest_word(runs: Iterable[Run]) -> dict[str, set[tuple[int, Run]]]:
    """(its place in the run, the run) by each run's longest word."""
    found: dict[str, set[tuple[int, Run]]] = {}
    for run in runs:
        place = max(range(RUN_WORDS), key=lambda index: len(run[index]))
        found.setdefault(run[place], set()).add((place, run))
    return found


def _held(words: list[str], wanted: dict[str, set[tuple[int, Run]]]) -> Iterator[Run]:
    for index, word in enumerate(words):
        for place, run in wanted.get(word, ()):
            start = index - place
            if start >= 0 and tuple(words[start : start + RUN_WORDS]) == run:
                yield run


def _stretches(placed: list[PlacedWord], held: set[Run]) -> Iterator[Stretch]:
    """The held runs of a text, those that overlap as one."""
    words = [word for word, _, _ in placed]
    begun = end = -1
    for start in [*(i for i, run in enumerate(_runs(words)) if run in held), len(words) + 1]:
        if begun >= 0 and start >= end:
            yield placed[begun][1], placed[end - 1][2], end - begun
            begun = -1
        begun, end = (start if begun < 0 else begun), start + RUN_WORDS


def _widest(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    """Those that lie in no other; two readings of a text find the same."""
    reached = -1
    for first, last, words in sorted(set(stretches), key=lambda one: (one[0], -one[1], -one[2])):
        if last > reached:
            yield first, last, words
            reached = last


def _finding(name: str, text: str, stretch: Stretch) -> ScanMatch:
    first, last, words = stretch
    shown, line = " ".join(text[first:last].split()), text.count("\n", 0, first) + 1
    return ScanMatch("corpus", f"{words} words that stand in the corpus", name, line, shown)
