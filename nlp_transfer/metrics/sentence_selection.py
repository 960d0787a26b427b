"""Which sentences make an extract: chosen by scores within a budget, or, knowing the summary, by greedy ROUGE.

The greedy oracle adds the sentence that raises ROUGE-1 F + ROUGE-2 F most, until none does: the labels that a model
learns from, and, within the same budget, the ceiling that no choice of sentences passes by much.
Reference: Nallapati et al. (2017), https://arxiv.org/abs/1611.04230; trigram blocking: Paulus et al. (2018),
https://arxiv.org/abs/1705.04304
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.tokenization import ngrams, plain_words, repeated_runs, rouge_words

UNITS = ("sentences", "words", "characters", "share")
"""The units of a budget."""


@dataclass(frozen=True)
class SummaryLength:
    """Limit the share of a document that an extract may take; one sentence at least.

    Args:
        unit: `sentences`, `words`, `characters`, or `share` of the document's words.
        size: how many; of `share` 0 < size <= 1.
    """

    unit: str
    size: float

    def costs(self, sentences: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return the size of each sentence, shape (sentences,), and the limit of all together."""
        if self.unit == "sentences":
            return np.ones(len(sentences)), self.size
        if self.unit == "characters":
            return np.array([len(sentence) for sentence in sentences], dtype=float), self.size
        words = np.array([len(plain_words(sentence)) for sentence in sentences], dtype=float)
        return words, self.size if self.unit == "words" else self.size * words.sum()


def chosen_sentences(
    scores: Sequence[float], sentences: Sequence[str], budget: SummaryLength, *, block_trigrams: bool
) -> list[int]:
    """Return the numbers of the best sentences that fit into a budget, in the document's order.

    The best comes first; a sentence that does not fit (any more) is passed over. Where none fits, the best is taken
    alone. Without sentences there are none.

    Args:
        scores: the higher the better; equal ones go by their order in the document.
        sentences: the document.
        budget: how much may be taken.
        block_trigrams: pass over a sentence that shares three words in a row with one that is taken (`repeated_runs`).
    """
    costs, room = budget.costs(sentences)
    chosen: list[int] = []
    seen: set[tuple[str, ...]] = set()
    ranking = np.argsort(-np.asarray(scores, dtype=float), kind="stable").tolist()
    if ranking and costs.min() > room:
        return ranking[:1]
    for number in ranking:
        if costs[number] > room:
            if room <= 0:
                break
            continue
        if block_trigrams:
            runs = repeated_runs(sentences[number])
            if chosen and runs & seen:
                continue
            seen |= runs
        chosen.append(number)
        room -= costs[number]
    return sorted(chosen)


def greedy_oracle(sentences: Sequence[str], summary: str, budget: SummaryLength | None = None) -> list[int]:
    """Return the numbers of the sentences that greedy ROUGE takes, in the document's order; none if no word is shared.

    Args:
        sentences: the document.
        summary: the reference.
        budget: how much may be taken; None takes as long as the score rises.
    """
    counts = [_Counts(sentences, summary, n) for n in (1, 2)]
    costs, room = budget.costs(sentences) if budget is not None else (np.zeros(len(sentences)), 0.0)
    chosen: list[int] = []
    best = 0.0
    free = np.ones(len(sentences), dtype=bool)
    while free.any():
        scores = counts[0].f_with_each() + counts[1].f_with_each()
        fits = free & (costs <= room) if budget is None or chosen or (costs <= room).any() else free
        if not fits.any():
            break
        number = int(np.where(fits, scores, -1.0).argmax())
        if scores[number] <= best + 1e-12:
            break
        best = float(scores[number])
        chosen.append(number)
        free[number] = False
        room -= costs[number]
        for count in counts:
            count.take(number)
    return sorted(chosen)


class _Counts:
    """Count the n-grams of a reference that each sentence holds, and those that are taken.

    Args:
        sentences: the document.
        summary: the reference.
        n: words of an n-gram.
    """

    def __init__(self, sentences: Sequence[str], summary: str, n: int) -> None:
        reference = Counter(ngrams(rouge_words(summary), n))
        places = {gram: i for i, gram in enumerate(reference)}
        self.reference = np.array(list(reference.values()), dtype=np.float32)
        self.shared = np.zeros((len(sentences), len(places)), dtype=np.float32)
        self.lengths = np.zeros(len(sentences), dtype=np.float32)
        for row, sentence in enumerate(sentences):
            grams = ngrams(rouge_words(sentence), n)
            self.lengths[row] = len(grams)
            for gram in grams:
                if gram in places:
                    self.shared[row, places[gram]] += 1
        self.taken = np.zeros(len(places), dtype=np.float32)
        self.length = 0.0

    def f_with_each(self) -> np.ndarray:
        """ROUGE-n F of what is taken together with each sentence, shape (sentences,)."""
        hits = np.minimum(self.taken + self.shared, self.reference).sum(axis=1)
        both = self.length + self.lengths + self.reference.sum()
        return np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)

    def take(self, number: int) -> None:
        """Add a sentence to what is taken."""
        self.taken = self.taken + self.shared[number]
        self.length += float(self.lengths[number])
