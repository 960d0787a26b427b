"""Align each sentence of a summary with the part of a long document that holds most of its words.

    argmax over parts of ROUGE-1 recall + ROUGE-2 recall of the sentence

Reference: Gidiotis & Tsoumakas (2020), https://arxiv.org/abs/2004.06190 (by ROUGE-L recall, which is slower)
"""

from collections.abc import Sequence

from nlp_transfer.metrics.tokenization import ngrams, rouge_words


def assign_sentences(sentences: Sequence[str], parts: Sequence[str]) -> list[list[int]]:
    """Return the numbers of the sentences that belong to each part, in order; each sentence once.

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
