"""ROUGE-1, -2, -L and -Lsum by Google's `rouge-score`.

    precision = shared n-grams / n-grams of the summary     recall = shared / n-grams of the reference
    F = harmonic mean of both

ROUGE-L counts the longest common subsequence of words; ROUGE-Lsum the union of those of each pair of sentences, with
one sentence a line. Words are those of metrics/tokenization.py.
Reference: Lin (2004), https://aclanthology.org/W04-1013
"""

from collections.abc import Sequence

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.tokenization import ROUGE, rouge_words


class _Words:
    """Tokenizer in the interface of `rouge_score`."""

    def tokenize(self, text: str) -> list[str]:
        return rouge_words(text)


def rouge_scores(
    predictions: Sequence[str], references: Sequence[str], kinds: Sequence[str] = ROUGE
) -> list[dict[str, float]]:
    """Return the F of each kind for each pair; 0 for a summary without words.

    Args:
        predictions: summaries, with one sentence a line.

    Raises:
        DataError: there are no summaries.
        ValueError: summaries and references differ in number.

    Example:
        >>> rouge_scores(["a b"], ["a c"], kinds=["rouge1"])
        [{'rouge1': 0.5}]
    """
    from rouge_score.rouge_scorer import RougeScorer

    if not len(predictions) or not len(references):
        raise DataError("Nothing to score: ROUGE needs at least one summary and its reference; is the split empty?")
    if len(predictions) != len(references):
        raise ValueError(f"Got {len(predictions)} summaries for {len(references)} references; they must be as many.")
    scorer = RougeScorer(list(kinds), tokenizer=_Words())
    return [
        {kind: float(score.fmeasure) for kind, score in scorer.score(reference, prediction).items()}
        for prediction, reference in zip(predictions, references, strict=True)
    ]
