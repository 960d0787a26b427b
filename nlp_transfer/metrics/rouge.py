"""ROUGE-1, -2, -L and -Lsum by Google's `rouge-score`, of the words of metrics/tokenization.py.

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
    """Return the F of each kind for each pair, with one sentence a line; 0 for a summary without words.

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
