"""Evidence of a summary's sentences: up to three sentences of the document each, chosen by greedy ROUGE.

    support = (the sentence's words that stand in its sources + its pairs of words that do) / (its words + its pairs)

the recall of single words and of pairs together, each counted as often as it occurs, by their stems. 1 where a sentence
is copied, 0 where no word is shared; a sentence of common words alone has some support in any long document, so that
low values say more than high ones.
Reference: sources as in the greedy oracle, Nallapati et al. (2017), https://arxiv.org/abs/1611.04230
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.sentence_selection import SummaryLength, greedy_oracle
from nlp_transfer.metrics.tokenization import ngrams, rouge_words

MAX_SOURCES = 3
"""Sentences that one sentence of a summary is traced to."""

CANDIDATES = 500
"""Sentences of a document that are looked at closely: those that come nearest by themselves."""


@dataclass(frozen=True)
class Support:
    """Hold the evidence of a sentence of a summary.

    Args:
        sources: numbers of sentences of the document, in its order; none where no word is shared.
        score: 0 to 1.
    """

    sources: list[int]
    score: float


def sentence_support(summary: Sequence[str], sentences: Sequence[str], *, most: int = MAX_SOURCES) -> list[Support]:
    """Return the evidence of each sentence of a summary.

    Args:
        summary: its sentences.
        sentences: the document's.
        most: sources of one sentence, 1 at least.

    Returns:
        One for each sentence of the summary.

    Raises:
        ValueError: `most` is less than 1.
    """
    if most < 1:
        raise ValueError(f"Got most={most}; a sentence rests on 1 source at least.")
    index = _Index(sentences)
    return [_support(sentence, sentences, index, most) for sentence in summary]


def _support(sentence: str, sentences: Sequence[str], index: "_Index", most: int) -> Support:
    wanted = _grams(rouge_words(sentence))
    near = index.nearest(wanted)
    taken = greedy_oracle([sentences[number] for number in near], sentence, SummaryLength("sentences", most))
    sources = [near[number] for number in taken]
    found: Counter[tuple[str, ...]] = Counter()
    for number in sources:
        found.update(index.grams[number])
    return Support(sources, (wanted & found).total() / wanted.total() if wanted else 0.0)


class _Index:
    """The words and pairs of a document's sentences, and which sentences have each.

    Args:
        sentences: the document's.
    """

    def __init__(self, sentences: Sequence[str]) -> None:
        words = [rouge_words(sentence) for sentence in sentences]
        self.grams = [_grams(of_sentence) for of_sentence in words]
        self.lengths = np.array([len(of_sentence) for of_sentence in words], dtype=float)
        holders: dict[tuple[str, ...], list[int]] = {}
        for number, grams in enumerate(self.grams):
            for gram in grams:
                holders.setdefault(gram, []).append(number)
        self.holders = {gram: np.array(numbers) for gram, numbers in holders.items()}

    def nearest(self, wanted: Counter[tuple[str, ...]]) -> list[int]:
        """Return the sentences with the highest ROUGE-1 F + ROUGE-2 F against a text, in their order.

        The oracle's first choice is among them, the others mostly.
        """
        scores = np.zeros(len(self.lengths))
        for n in (1, 2):
            shared = np.zeros(len(self.lengths))
            for gram in wanted:
                if len(gram) == n and gram in self.holders:
                    numbers = self.holders[gram]
                    shared[numbers] += np.minimum([self.grams[number][gram] for number in numbers], wanted[gram])
            own = sum(count for gram, count in wanted.items() if len(gram) == n)
            both = own + np.maximum(self.lengths - n + 1, 0)
            scores += np.divide(2 * shared, both, out=np.zeros_like(shared), where=both > 0)
        ranking = np.argsort(-scores, kind="stable")[:CANDIDATES]
        return sorted(number for number in ranking.tolist() if scores[number] > 0)


def _grams(words: list[str]) -> Counter[tuple[str, ...]]:
    """Words and pairs of them, each with how often it occurs."""
    return Counter([*ngrams(words, 1), *ngrams(words, 2)])
