"""Summaries of a run: the baselines' scores beside the model's, and the lines of `predictions.jsonl.gz`.

    {"id": "E09-1056", "split": "test", "domain": "source", "summary": "…", "reference": "…",
     "sentences": [{"start": 0, "end": 71, "score": 0.91}, …], "flags": []}

Offsets of an extract's sentences count characters of the document; the score is the model's probability that the
sentence belongs there. Sentences that were written have offsets in the summary, and those of the document that each
rests on as `sources`; flags are what the summary says and the document does not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nlp_transfer.metrics.sentence_selection import SummaryLength, select_sentences
from nlp_transfer.metrics.summarization import gain_interval, rouge1_scores
from nlp_transfer.metrics.tokenization import concatenate_sentences, plain_words
from nlp_transfer.tasks.summarization.baselines import SUMMARY_BASELINES, Selecting
from nlp_transfer.tasks.summarization.extracted_summaries import (
    ExtractedSummary,
    document_metrics,
    summaries_and_references,
)
from nlp_transfer.tasks.summarization.generated_summaries import GeneratedSummary
from nlp_transfer.tasks.summarization.generated_summaries import summaries_and_references as written_and_references

if TYPE_CHECKING:
    from pathlib import Path


def baseline_scores(
    names: Sequence[str], documents: Sequence[ExtractedSummary], by: Selecting, bertscore: "Path | None" = None
) -> dict[str, dict[str, Any]]:
    """Score each baseline on the documents that a model was scored on.

    Where there are references, `rouge1_gain_low` and `rouge1_gain_high` of a baseline bound how much higher the model's
    ROUGE-1 is on the same documents.
    """
    return _scores_beside(rouge1_scores(*summaries_and_references(documents)), names, documents, by, bertscore)


def written_baseline_scores(
    names: Sequence[str], documents: Sequence[GeneratedSummary], sentences: int, bertscore: "Path | None" = None
) -> dict[str, dict[str, Any]]:
    """The same of documents whose summaries were written; each baseline takes so many sentences."""
    bare = [
        ExtractedSummary(one.id, one.text, one.spans, [0.0] * len(one.spans), [], None, one.summary)
        for one in documents
    ]
    ours = rouge1_scores(*written_and_references(documents))
    return _scores_beside(ours, names, bare, _OfSize(SummaryLength("sentences", sentences)), bertscore)


@dataclass(frozen=True)
class _OfSize:
    """Takes so many sentences; see `Selecting`."""

    budget: SummaryLength

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        return select_sentences(scores, sentences, self.budget, block_trigrams=True)


def _scores_beside(
    ours: list[float] | None,
    names: Sequence[str],
    documents: Sequence[ExtractedSummary],
    by: Selecting,
    bertscore: "Path | None",
) -> dict[str, dict[str, Any]]:
    """The baselines' metrics, and how they compare with a model's ROUGE-1 of each document."""
    found = {}
    for name in names:
        taken = [SUMMARY_BASELINES[name](document, by) for document in documents]
        of_baseline = [
            replace(document, scores=ranks, taken=numbers)
            for document, (ranks, numbers) in zip(documents, taken, strict=True)
        ]
        found[name] = document_metrics(of_baseline, interval=True, bertscore=bertscore)
        if ours is not None:
            low, high = gain_interval(ours, rouge1_scores(*summaries_and_references(of_baseline)) or ())
            found[name] |= {"rouge1_gain_low": low, "rouge1_gain_high": high}
    return found


def summary_row(document: ExtractedSummary) -> dict[str, Any]:
    """Return the line of one extracted summary, without `split` and `domain`."""
    from scipy.special import expit

    sentences = document.sentences
    return {
        "id": document.id,
        "summary": concatenate_sentences(sentences[number] for number in document.taken),
        "reference": document.summary,
        "sentences": [
            {
                "start": document.spans[number][0],
                "end": document.spans[number][1],
                "score": round(float(expit(document.scores[number])), 6),
            }
            for number in document.taken
        ],
        "flags": [],  # an extract invents nothing
    }


def written_row(document: GeneratedSummary) -> dict[str, Any]:
    """Return the line of one generated summary, without `split` and `domain`."""
    return {
        "id": document.id,
        "summary": document.written,
        "reference": document.summary,
        "sentences": [sentence.row() for sentence in document.checked_sentences()],
        "flags": [vars(flag) for flag in document.flags()],
    }


def repeated_summaries(documents: Sequence[GeneratedSummary], known: set[tuple[str, ...]]) -> tuple[int, int | None]:
    """Count the summaries that are a training summary word for word.

    A network that has few summaries to learn from learns them by heart: their words may score well, and describe
    another document; and a summary that nobody else should read may come back.

    Args:
        documents: with what was generated.
        known: the words of each training summary.

    Returns:
        How many generated summaries are, and how many references; None where there are no references.
    """
    references = [document.summary for document in documents if document.summary is not None]
    again = sum(tuple(plain_words(document.written)) in known for document in documents)
    return again, sum(tuple(plain_words(text)) in known for text in references) if references else None
