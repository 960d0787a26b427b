"""Trace each sentence of a summary to up to three sentences of its document, by greedy ROUGE.

    support = (shared words + shared word pairs) / (words + word pairs of the sentence), by their stems

Reference: sources as in the greedy oracle, Nallapati et al. (2017), https://arxiv.org/abs/1611.04230
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.sentence_selection import SummaryLength, greedy_oracle
from nlp_transfer.metrics.tokenization import ngrams, rouge_words

MAX_SOURCES = 3
"""Maximum number of source sentences of one sentence."""

_MAX_CANDIDATES = 500  # number of a document's nearest sentences among which sources are selected


@dataclass(frozen=True)
class Support:
    """Source sentences of one sentence of a summary.

    Args:
        sources: numbers of sentences of the document, in order; empty if no word is shared.
    """

    sources: list[int]
    score: float


def sentence_support(summary: Sequence[str], sentences: Sequence[str]) -> list[Support]:
    """Return the support of each sentence of a summary.

    Example:
        >>> sentence_support(["The court agreed."], ["A brief was filed.", "The court agreed."])
        [Support(sources=[1], score=1.0)]
    """
    index = _Index(sentences)
    return [_support(sentence, sentences, index) for sentence in summary]


def _support(sentence: str, sentences: Sequence[str], index: "_Index") -> Support:
    wanted = _grams(rouge_words(sentence))
    near = index.nearest(wanted)
    taken = greedy_oracle([sentences[number] for number in near], sentence, SummaryLength("sentences", MAX_SOURCES))
    sources = [near[number] for number in taken]
    shared: Counter[tuple[str, ...]] = Counter()
    for number in sources:
        shared.update(index.grams[number])
    return Support(sources, (wanted & shared).total() / wanted.total() if wanted else 0.0)


class _Index:
    """Index of the words and word pairs of a document's sentences."""

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
        """Return the sentences with the highest ROUGE-1 F + ROUGE-2 F: the oracle's first choice, mostly the others."""
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
        ranking = np.argsort(-scores, kind="stable")[:_MAX_CANDIDATES]
        return sorted(number for number in ranking.tolist() if scores[number] > 0)


def _grams(words: list[str]) -> Counter[tuple[str, ...]]:
    """Count words and word pairs."""
    return Counter([*ngrams(words, 1), *ngrams(words, 2)])
