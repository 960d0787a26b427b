"""What an extractive summariser has to beat, and what it cannot pass by much; all under the same budget.

`lead` takes the first sentences, `random` any; `textrank` and `lexrank` rank sentences by how many others are like them
(sumy's, English stop words and stems; of a very long document only the first `RANKED` sentences, since they compare all
pairs). `oracle` knows the reference and takes by greedy ROUGE, or, without a reference,
the labelled sentences: a ceiling, not a baseline.
References: Mihalcea & Tarau (2004), https://aclanthology.org/W04-3252; Erkan & Radev (2004),
https://arxiv.org/abs/1109.2128
"""

import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nlp_transfer.metrics.tokenization import plain_words

if TYPE_CHECKING:
    from nlp_transfer.metrics.sentence_selection import SummaryLength
    from nlp_transfer.tasks.base import DomainPredictions, DomainScores, Predictions
    from nlp_transfer.tasks.summarization.extracted_summaries import ExtractedSummary

ORACLE = "oracle"
"""The one that knows the answer."""

RANKED = 500
"""Sentences that TextRank and LexRank look at; sumy takes seconds for so many, and four times as long for twice."""

Taken = tuple[list[float], list[int]]
"""A score for each sentence, and the numbers of those that are taken."""


class Selecting(Protocol):
    """What takes sentences by their scores: a task, or a trained summariser."""

    @property
    def budget(self) -> "SummaryLength":
        """How much is taken."""

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        """The numbers of the sentences that are taken."""


def lead(document: "ExtractedSummary", by: Selecting) -> Taken:
    """The first sentences."""
    return _by([-float(number) for number in range(len(document.spans))], document, by)


def random(document: "ExtractedSummary", by: Selecting) -> Taken:
    """Any sentences; which ones follows from the document's id."""
    generator = np.random.default_rng(zlib.crc32(document.id.encode()))
    return _by(generator.random(len(document.spans)).tolist(), document, by)


def textrank(document: "ExtractedSummary", by: Selecting) -> Taken:
    """The sentences that share most words with others."""
    from sumy.summarizers.text_rank import TextRankSummarizer

    return _by(_ratings(TextRankSummarizer, document.sentences), document, by)


def lexrank(document: "ExtractedSummary", by: Selecting) -> Taken:
    """The sentences that are like most others by TF-IDF."""
    from sumy.summarizers.lex_rank import LexRankSummarizer

    return _by(_ratings(LexRankSummarizer, document.sentences), document, by)


def oracle(document: "ExtractedSummary", by: Selecting) -> Taken:
    """The sentences that make the best summary, as far as greedy choice finds them."""
    from nlp_transfer.metrics.sentence_selection import greedy_oracle

    if document.summary is None:
        return _by([float(label) for label in document.labels or ()], document, by)
    taken = greedy_oracle(document.sentences, document.summary, by.budget)
    return [float(number in taken) for number in range(len(document.spans))], taken


SUMMARY_BASELINES: dict[str, Callable[["ExtractedSummary", Selecting], Taken]] = {
    "lead": lead,
    "random": random,
    "textrank": textrank,
    "lexrank": lexrank,
    ORACLE: oracle,
}
"""The baselines by name. One line a baseline."""


SUMMARY_ROW_KEYS = ("id", "split", "domain", "summary", "reference", "sentences", "flags")
"""The keys of a line of the predictions file, in their order. `reference` is null where there is none."""


def by_baseline(
    names: Sequence[str],
    predictions: "DomainPredictions",
    score: "Callable[[str, str, Predictions], dict[str, dict[str, Any]]]",
) -> "dict[str, DomainScores]":
    """Score the baselines of each split that the model was scored on.

    Args:
        names: keys of `SUMMARY_BASELINES`.
        predictions: of the model.
        score: returns the scores by baseline of a domain's split.
    """
    results: dict[str, DomainScores] = {name: {} for name in names}
    for domain, splits in predictions.items():
        for split, one in splits.items():
            if one.metrics:
                for name, scores in score(domain, split, one).items():
                    results[name].setdefault(domain, {})[split] = scores
    return results


def _by(scores: list[float], document: "ExtractedSummary", by: Selecting) -> Taken:
    return scores, by.select(scores, document.sentences)


class _Words:
    """What sumy takes for a tokenizer: its own would fetch data."""

    def to_words(self, text: str) -> tuple[str, ...]:
        return tuple(plain_words(text))


def _ratings(summarizer_class: Any, sentences: Sequence[str]) -> list[float]:
    """What one of sumy's summarisers makes of each sentence."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.utils import get_stop_words

    made = [Sentence(sentence, _Words()) for sentence in sentences[:RANKED]]
    caught: dict[Any, float] = {}

    class Rating(summarizer_class):  # type: ignore[misc]
        """Hands out the ratings, of which the summariser would return the best sentences alone."""

        def _get_best_sentences(self, all_sentences: Any, count: Any, rating: Any, *args: Any, **kwargs: Any) -> Any:
            caught.update(rating)
            return ()

    ranks = Rating(Stemmer("english"))
    ranks.stop_words = get_stop_words("english")
    with np.errstate(invalid="ignore"):  # sentences that share nothing leave LexRank with a division of 0 by 0
        ranks(ObjectDocumentModel([Paragraph(made)]), 1)
    found = [float(np.nan_to_num(caught[sentence])) for sentence in made]
    return found + [-1.0] * (len(sentences) - len(found))
