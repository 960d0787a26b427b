"""Baselines of entities, which have seen the marked training texts.

`dictionary` finds the mentions of training: the longest at each word, with their most frequent class there, if they
were marked at least as often as not. `majority` marks nothing, which is right of most tokens: its token accuracy shows
what that number is worth.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nlp_transfer.metrics.entities import folded, match_counts
from nlp_transfer.metrics.metric import Entity
from nlp_transfer.metrics.row_scores import CountScores, gain_scores
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.tasks.base import DomainScores
from nlp_transfer.tasks.token_classification import DICTIONARY, MAJORITY
from nlp_transfer.tasks.token_classification.entities import TaggedText, entity_rows

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Dictionary:
    """The mentions of training texts.

    Args:
        classes: class of each mention, by its words without case.
        longest: number of words of the longest one.

    Example:
        >>> words = Dictionary({("new", "york"): "CITY"}, longest=2)
        >>> list(words.entities("From New York."))
        [(5, 13, 'CITY')]
    """

    classes: dict[tuple[str, ...], str]
    longest: int

    @classmethod
    def of(cls, texts: Sequence[str], entities: Sequence[Sequence[Entity]]) -> "Dictionary":
        """Return the dictionary of texts in which all entities are marked."""
        marked: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for text, of in zip(texts, entities, strict=True):
            for start, end, label in of:
                marked[tuple(word for _, _, word in _words(text[start:end]))][label] += 1
        longest = max(map(len, marked), default=0)
        seen: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            words = [word for _, _, word in _words(text)]
            for first in range(len(words)):
                for size in range(1, min(longest, len(words) - first) + 1):
                    if (mention := tuple(words[first : first + size])) in marked:
                        seen[mention] += 1
        kept = {one: labels.most_common(1)[0][0] for one, labels in marked.items() if 2 * labels.total() >= seen[one]}
        kept.pop((), None)
        return cls(kept, max(map(len, kept), default=0))

    def entities(self, text: str) -> Iterator[Entity]:
        """Yield the mentions in a text, from left to right, the longest first."""
        words, place = list(_words(text)), 0
        while place < len(words):
            for size in range(min(self.longest, len(words) - place), 0, -1):
                found = self.classes.get(tuple(word for _, _, word in words[place : place + size]))
                if found is not None:
                    yield words[place][0], words[place + size - 1][1], found
                    place += size - 1
                    break
            place += 1


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    for match in _WORD.finditer(text):
        yield match.start(), match.end(), match.group().casefold()


def marked_entities(split: "Dataset", label_names: Sequence[str]) -> list[list[Entity]]:
    """Return the entities of each text of a corpus's split."""
    columns = (split[name] for name in ("span_starts", "span_ends", "labels"))
    return [
        [(start, end, label_names[label]) for start, end, label in zip(*row, strict=True)]
        for row in zip(*columns, strict=True)
    ]


def known_mentions(texts: Sequence[str], entities: Sequence[Sequence[Entity]]) -> frozenset[str]:
    """Return the mentions of training texts, folded."""
    pairs = zip(texts, entities, strict=True)
    return frozenset(folded(text[start:end]) for text, of in pairs for start, end, _ in of)


def mentions_of(corpus: "Corpus") -> frozenset[str] | None:
    """Return the mentions of a corpus's training texts; None without such texts."""
    train = corpus.splits.get("train")
    return None if train is None else known_mentions(train["text"], marked_entities(train, corpus.label_names))


def score_baselines(
    names: Sequence[str],
    train: "Dataset",
    texts: Mapping[str, Mapping[str, Sequence[TaggedText]]],
    label_names: Sequence[str],
    known: frozenset[str] | None,
) -> dict[str, DomainScores]:
    """Return the scores of baselines on each split, with the interval of how much better the model's F1 is there.

    Args:
        train: the source's training texts.
        texts: with the model's logits, by domain and split.
    """
    found: dict[str, Callable[[str], Iterable[Entity]]] = {MAJORITY: lambda text: ()}
    if DICTIONARY in names:
        found[DICTIONARY] = Dictionary.of(train["text"], marked_entities(train, label_names)).entities
    scores: dict[str, DomainScores] = {name: {} for name in names}
    for domain, splits in texts.items():
        for split, of_split in splits.items():
            ours = entity_rows(of_split, [one.entities(label_names) for one in of_split], label_names)
            for name in names:
                made = [list(found[name](one.text)) for one in of_split]
                rows = entity_rows(of_split, made, label_names, known=known, interval=True)
                gain = gain_scores("entity_f1", CountScores(np.stack([match_counts(ours), match_counts(rows)])))
                scores[name].setdefault(domain, {})[split] = {**compute_scores(rows), **gain}
    return scores
