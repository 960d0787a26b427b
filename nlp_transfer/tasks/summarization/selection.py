"""Select the sentences of a summary."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nlp_transfer.errors import did_you_mean
from nlp_transfer.metrics.sentence_selection import UNITS, SummaryLength, greedy_oracle, select_sentences


@dataclass(frozen=True)
class Selection:
    """The rule by which sentences are selected for a summary.

    Args:
        length: maximum length of a summary.
        block_trigrams: skip sentences that share three words in a row with a selected one.
    """

    length: SummaryLength
    block_trigrams: bool = True

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        """Return the numbers of the selected sentences, in the document's order."""
        return select_sentences(scores, sentences, self.length, block_trigrams=self.block_trigrams)


def length_problems(unit: str, size: float, where: str) -> list[str]:
    """Return the problems of a summary's length; `where` precedes the names of the settings, such as `--`.

    Example:
        >>> length_problems("share", 2, "--")
        ['--length is 2; a share is above 0 and at most 1, such as 0.2.']
    """
    if unit not in UNITS:
        return [f"{where}length_unit: {did_you_mean('value', unit, UNITS)}"]
    if unit == "share":
        return [] if 0 < size <= 1 else [f"{where}length is {size:g}; a share is above 0 and at most 1, such as 0.2."]
    if 1 <= size < math.inf and size == int(size):
        return []
    return [f"{where}length is {size:g}; expected a whole number of {unit}, 1 or more."]


def oracle_labels(sentences: Sequence[str], summary: str) -> list[int]:
    """Return 1 for the sentences that greedy ROUGE selects by a summary, 0 for the others.

    Example:
        >>> oracle_labels(["The court agreed.", "It rained."], "The court agreed.")
        [1, 0]
    """
    taken = set(greedy_oracle(sentences, summary))
    return [int(number in taken) for number in range(len(sentences))]
