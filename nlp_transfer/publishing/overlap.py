"""Runs of words that stand both in what is about to be published and in the texts that a model learned from.

Words are runs of letters and digits (metrics/words.py), upper and lower case counting as the same, so that another
layout or punctuation hides nothing. Of each run its longest word is looked for first; long words are rare, so most of a
corpus is passed over.
"""

import re
from collections.abc import Iterable, Iterator

from nlp_transfer.metrics.words import plain_words, word_places
from nlp_transfer.publishing.findings import Finding

RUN_WORDS = 8
"""How many words in a row are no coincidence."""

Run = tuple[str, ...]


def shared_runs(texts: Iterable[tuple[str, str]], corpus: Iterable[str]) -> list[Finding]:
    """The longest shared runs of at least `RUN_WORDS` words, each once.

    Args:
        texts: (name, wording) of what is published; see `nlp_transfer.publishing.parts.wording`.
        corpus: the texts that must not be; read once.
    """
    published = list(texts)
    wanted = _by_longest_word(run for _, text in published for run in _runs([w for w, _ in _placed(text)]))
    held: set[Run] = set()
    for text in corpus:
        held.update(_held(text, wanted))
    return [finding for name, text in published for finding in _findings(name, text, held)]


def _placed(text: str) -> list[tuple[str, re.Match[str]]]:
    return [(match.group().lower(), match) for match in word_places(text)]


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


def _held(text: str, wanted: dict[str, set[tuple[int, Run]]]) -> Iterator[Run]:
    words = plain_words(text)
    for index, word in enumerate(words):
        for place, run in wanted.get(word, ()):
            start = index - place
            if start >= 0 and tuple(words[start : start + RUN_WORDS]) == run:
                yield run


def _findings(name: str, text: str, held: set[Run]) -> Iterator[Finding]:
    """The held runs of a text, those that overlap as one."""
    placed = _placed(text)
    words = [word for word, _ in placed]
    begun = end = -1
    for start in [*(i for i, run in enumerate(_runs(words)) if run in held), len(words) + 1]:
        if begun >= 0 and start >= end:
            first, last = placed[begun][1], placed[end - 1][1]
            shown = " ".join(text[first.start() : last.end()].split())
            line = text.count("\n", 0, first.start()) + 1
            yield Finding("corpus", f"{end - begun} words that stand in the corpus", name, line, shown)
            begun = -1
        begun, end = (start if begun < 0 else begun), start + RUN_WORDS
