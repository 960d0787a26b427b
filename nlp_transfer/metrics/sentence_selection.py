"""Select the sentences of an extract: by scores within a length, or by greedy ROUGE against the summary.

The greedy oracle adds the sentence that raises ROUGE-1 F + ROUGE-2 F most, until none does. It labels training
sentences and approximates the ceiling within a length.
Reference: Nallapati et al. (2017), https://arxiv.org/abs/1611.04230; trigram blocking: Paulus et al. (2018),
https://arxiv.org/abs/1705.04304
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.tokenization import ngrams, plain_words, repeated_runs, rouge_words

UNITS = ("sentences", "words", "characters", "share")
"""Units of a summary's length."""


@dataclass(frozen=True)
class SummaryLength:
    """Maximum length of an extract; at least one sentence is selected.

    Args:
        unit: `sentences`, `words`, `characters`, or `share` of the document's words.
        size: number of units; a share is in (0, 1].
    """

    unit: str
    size: float

    def costs(self, sentences: Sequence[str]) -> tuple[np.ndarray, float]:
        """Return the cost of each sentence, shape (sentences,), and the maximum of their sum.

        Example:
            >>> SummaryLength("words", 3).costs(["One two.", "Three."])
            (array([2., 1.]), 3)
        """
        if self.unit == "sentences":
            return np.ones(len(sentences)), self.size
        if self.unit == "characters":
            return np.array([len(sentence) for sentence in sentences], dtype=float), self.size
        words = np.array([len(plain_words(sentence)) for sentence in sentences], dtype=float)
        return words, self.size if self.unit == "words" else self.size * words.sum()


def select_sentences(
    scores: Sequence[float], sentences: Sequence[str], budget: SummaryLength, *, block_trigrams: bool
) -> list[int]:
    """Return the numbers of the best sentences that fit into a length, in the document's order.

    The best sentence is taken first; one that does not fit is skipped. If none fits, the best one is taken.

    Args:
        scores: higher is better; equal scores keep the document's order.
        block_trigrams: skip a sentence that shares three words in a row with a selected one (`repeated_runs`).

    Example:
        >>> select_sentences([0.1, 0.9, 0.5], ["A.", "B.", "C."], SummaryLength("sentences", 2), block_trigrams=False)
        [1, 2]
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
    """Return the numbers of the sentences that greedy ROUGE selects, in order; empty if no word is shared.

    Args:
        budget: maximum length; None adds sentences as long as the score rises.

    Example:
        >>> greedy_oracle(["The court agreed.", "It rained."], "The court agreed.")
        [0]
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


def assign_sentences(sentences: Sequence[str], parts: Sequence[str]) -> list[list[int]]:
    """Return the numbers of the sentences that belong to each part of a long document, in order; each sentence once.

    A sentence of the summary belongs to the part with the highest ROUGE-1 recall + ROUGE-2 recall of it.
    Reference: Gidiotis & Tsoumakas (2020), https://arxiv.org/abs/2004.06190 (by ROUGE-L recall, which is slower)

    Args:
        sentences: of the summary.
        parts: of its document; the first of equally good parts takes a sentence, even one that shares no word.

    Example:
        >>> assign_sentences(["The fee is due.", "The court agreed."], ["court agreed", "fee due"])
        [[1], [0]]
    """
    assigned: list[list[int]] = [[] for _ in parts]
    held = [[set(ngrams(rouge_words(part), n)) for n in (1, 2)] for part in parts]
    for number, sentence in enumerate(sentences):
        grams = [ngrams(rouge_words(sentence), n) for n in (1, 2)]
        recalls = [
            sum(sum(gram in inside for gram in of) / len(of) for of, inside in zip(grams, part, strict=True) if of)
            for part in held
        ]
        assigned[recalls.index(max(recalls))].append(number)
    return assigned


class _Counts:
    """Counts of a reference's n-grams in each sentence and in the selection."""

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
        """Return the ROUGE-n F of the selection extended by each sentence, shape (sentences,)."""
        hits = np.minimum(self.taken + self.shared, self.reference).sum(axis=1)
        both = self.length + self.lengths + self.reference.sum()
        return np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)

    def take(self, number: int) -> None:
        """Add a sentence to the selection."""
        self.taken = self.taken + self.shared[number]
        self.length += float(self.lengths[number])
