"""Score summaries, and baselines of summarization: extracts of the same length.

`lead` selects the first sentences, `random` any; `textrank` and `lexrank` rank sentences by their similarity to others
(sumy's, with English stop words and stems). `oracle` knows the reference, or without one the labels: a ceiling.
References: Mihalcea & Tarau (2004), https://aclanthology.org/W04-3252; Erkan & Radev (2004),
https://arxiv.org/abs/1109.2128
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.data.encoding.sentences import sentence_spans
from nlp_transfer.metrics.metric import Extract, SummaryRows
from nlp_transfer.metrics.sentence_selection import greedy_oracle
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.tasks.summarization.selection import Selection
from nlp_transfer.tasks.summarization.summaries import DocumentSummary, ExtractedSummary, GeneratedSummary

ORACLE = "oracle"
"""The baseline that knows the answer."""

RANKED = 500
"""Maximum number of sentences that TextRank and LexRank compare: their time grows with its square."""

Taken = tuple[list[float], list[int]]
"""A score for each sentence of a document, and the numbers of the selected ones."""


def lead(document: ExtractedSummary, selection: Selection) -> Taken:
    """Select the first sentences."""
    return _by([-float(number) for number in range(len(document.spans))], document, selection)


def random(document: ExtractedSummary, selection: Selection) -> Taken:
    """Select random sentences; the document's id is the seed."""
    generator = np.random.default_rng(zlib.crc32(str(document.id).encode()))
    return _by(generator.random(len(document.spans)).tolist(), document, selection)


def textrank(document: ExtractedSummary, selection: Selection) -> Taken:
    """Select the sentences that share most words with others."""
    from sumy.summarizers.text_rank import TextRankSummarizer

    return _by(_ratings(TextRankSummarizer, document.sentences), document, selection)


def lexrank(document: ExtractedSummary, selection: Selection) -> Taken:
    """Select the sentences that are most similar to others by TF-IDF."""
    from sumy.summarizers.lex_rank import LexRankSummarizer

    return _by(_ratings(LexRankSummarizer, document.sentences), document, selection)


def oracle(document: ExtractedSummary, selection: Selection) -> Taken:
    """Select the sentences that greedy ROUGE finds by the reference, or the labelled ones."""
    if document.reference is None:
        return _by([float(label) for label in document.labels or ()], document, selection)
    taken = greedy_oracle(document.sentences, document.reference, selection.length)
    return [float(number in taken) for number in range(len(document.spans))], taken


SUMMARY_BASELINES: dict[str, Callable[[ExtractedSummary, Selection], Taken]] = {
    "lead": lead,
    "random": random,
    "textrank": textrank,
    "lexrank": lexrank,
    ORACLE: oracle,
}
"""The baselines by name. One line a baseline."""


def baseline_scores(
    names: Sequence[str], documents: Sequence[DocumentSummary], selection: Selection, bertscore: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Score baselines on the documents that a model was scored on.

    With references, `rouge1_gain_low` and `rouge1_gain_high` bound how much higher the model's ROUGE-1 is on the same
    documents.
    """
    from nlp_transfer.metrics.row_scores import MeanScores, gain_scores
    from nlp_transfer.metrics.summarization import rouge1_scores

    ours = rouge1_scores(*_summaries_and_references(documents))
    scores = {}
    for name in names:
        extracts = [_baseline_extract(name, document, selection) for document in documents]
        scores[name] = document_metrics(extracts, interval=True, bertscore=bertscore)
        if ours is not None:
            theirs = rouge1_scores(*_summaries_and_references(extracts))
            scores[name] |= gain_scores("rouge1", MeanScores(np.array([ours, theirs])))
    return scores


def _summaries_and_references(documents: Sequence[DocumentSummary]) -> tuple[list[list[str]], list[list[str]] | None]:
    """Return the sentences of each summary and of each reference; None where a reference is missing."""
    summaries = [one.summary_sentences for one in documents]
    if any(one.reference is None for one in documents):
        return summaries, None
    references = [str(one.reference) for one in documents]
    return summaries, [[text[first:last] for first, last in sentence_spans(text)] for text in references]


def document_metrics(
    documents: Sequence[DocumentSummary], *, interval: bool, bertscore: Path | None = None
) -> dict[str, Any]:
    """Return the metrics of summaries; see `SummaryRows`."""
    extracts = [
        Extract(one.taken, one.labels, one.scores)
        for one in documents
        if isinstance(one, ExtractedSummary) and one.labels is not None
    ]
    summaries, references = _summaries_and_references(documents)
    rows = SummaryRows(
        summaries,
        [one.text for one in documents],
        references,
        extracts if len(extracts) == len(documents) else None,
        interval=interval,
        checked=any(isinstance(one, GeneratedSummary) for one in documents),
        bertscore=bertscore,
    )
    return compute_scores(rows)


def _baseline_extract(name: str, document: DocumentSummary, selection: Selection) -> ExtractedSummary:
    labels = document.labels if isinstance(document, ExtractedSummary) else None
    bare = ExtractedSummary(document.id, document.text, document.spans, document.reference, [], [], labels)
    scores, taken = SUMMARY_BASELINES[name](bare, selection)
    return replace(bare, scores=scores, taken=taken)


def _by(scores: list[float], document: ExtractedSummary, selection: Selection) -> Taken:
    return scores, selection.select(scores, document.sentences)


class _Words:
    """Tokenizer for sumy, whose own fetches data."""

    def to_words(self, text: str) -> tuple[str, ...]:
        return tuple(plain_words(text))


def _ratings(summarizer_class: Any, sentences: Sequence[str]) -> list[float]:
    """Return the rating of each sentence by a summarizer of sumy."""
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
    from sumy.nlp.stemmers import Stemmer
    from sumy.utils import get_stop_words

    made = [Sentence(sentence, _Words()) for sentence in sentences[:RANKED]]
    caught: dict[Any, float] = {}

    class Rating(summarizer_class):  # type: ignore[misc]
        """Keep the ratings, of which the summarizer returns only the best sentences."""

        def _get_best_sentences(self, all_sentences: Any, count: Any, rating: Any, *args: Any, **kwargs: Any) -> Any:
            caught.update(rating)
            return ()

    ranks = Rating(Stemmer("english"))
    ranks.stop_words = get_stop_words("english")
    with np.errstate(invalid="ignore"):  # sentences that share nothing leave LexRank with a division of 0 by 0
        ranks(ObjectDocumentModel([Paragraph(made)]), 1)
    found = [float(np.nan_to_num(caught[sentence])) for sentence in made]
    return found + [-1.0] * (len(sentences) - len(found))
