"""Summaries of a run: the baselines' scores beside the model's, and the lines of `predictions.jsonl.gz`.

    {"id": "E09-1056", "split": "test", "domain": "source", "summary": "…", "reference": "…",
     "sentences": [{"start": 0, "end": 71, "score": 0.91}, …], "flags": []}

Offsets of an extract's sentences count characters of the document; the score is the model's probability that the
sentence belongs there. Sentences that were written have offsets in the summary, and those of the document that each
rests on as `sources`; flags are what the summary says and the document does not have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.metrics.sentence_selection import SummaryLength, chosen_sentences
from nlp_transfer.metrics.summarization import gain_interval, rouge1_of_each
from nlp_transfer.metrics.tokenization import joined, plain_words
from nlp_transfer.reporting.report import DomainScores
from nlp_transfer.tasks import FittedAbstractiveSummarization, FittedExtractiveSummarization
from nlp_transfer.tasks.summarization.baselines import SUMMARY_BASELINES, Selecting
from nlp_transfer.tasks.summarization.extracted_summaries import (
    ExtractedSummary,
    document_metrics,
    summaries_and_references,
)
from nlp_transfer.tasks.summarization.generated_summaries import GeneratedSummary
from nlp_transfer.tasks.summarization.generated_summaries import summaries_and_references as written_and_references
from nlp_transfer.training.scoring import SplitPredictions

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset

KEYS = ("id", "split", "domain", "summary", "reference", "sentences", "flags")
"""The keys of a line, in their order. `reference` is null where there is none."""


def score_summary_baselines(
    names: Sequence[str],
    task: FittedExtractiveSummarization | FittedAbstractiveSummarization,
    scored: Mapping[str, Mapping[str, SplitPredictions]],
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> dict[str, DomainScores]:
    """Score each baseline where the model was scored.

    Where there are references, `rouge1_gain_low` and `rouge1_gain_high` of a baseline say how much higher the model's
    ROUGE-1 is on the same documents.
    """
    results: dict[str, DomainScores] = {name: {} for name in names}
    for domain, splits in scored.items():
        for split, one in splits.items():
            if not one.metrics:
                continue
            rows = encoded[domain][split]
            if isinstance(task, FittedAbstractiveSummarization):
                written = task.documents(one.logits, rows)
                found = written_baseline_scores(names, written, task.baseline_sentences, task.bertscore)
            else:
                found = baseline_scores(names, task.documents(one.logits, rows), task, task.bertscore)
            for name, scores in found.items():
                results[name].setdefault(domain, {})[split] = scores
    return results


def baseline_scores(
    names: Sequence[str], documents: Sequence[ExtractedSummary], by: Selecting, bertscore: "Path | None" = None
) -> dict[str, dict[str, Any]]:
    """The metrics of each baseline on documents that a model was scored on; see `score_summary_baselines`."""
    return _scores_beside(rouge1_of_each(*summaries_and_references(documents)), names, documents, by, bertscore)


def written_baseline_scores(
    names: Sequence[str], documents: Sequence[GeneratedSummary], sentences: int, bertscore: "Path | None" = None
) -> dict[str, dict[str, Any]]:
    """The same of documents whose summaries were written; each baseline takes so many sentences."""
    bare = [
        ExtractedSummary(one.id, one.text, one.spans, [0.0] * len(one.spans), [], None, one.summary)
        for one in documents
    ]
    ours = rouge1_of_each(*written_and_references(documents))
    return _scores_beside(ours, names, bare, _OfSize(SummaryLength("sentences", sentences)), bertscore)


@dataclass(frozen=True)
class _OfSize:
    """Takes so many sentences; see `Selecting`."""

    budget: SummaryLength

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        return chosen_sentences(scores, sentences, self.budget, block_trigrams=True)


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
            low, high = gain_interval(ours, rouge1_of_each(*summaries_and_references(of_baseline)) or ())
            found[name] |= {"rouge1_gain_low": low, "rouge1_gain_high": high}
    return found


def summary_rows(
    task: FittedExtractiveSummarization | FittedAbstractiveSummarization,
    scored: Mapping[str, Mapping[str, SplitPredictions]],
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> Iterator[dict[str, Any]]:
    """Summaries as `write_predictions` takes them."""
    for domain, splits in scored.items():
        for split, one in splits.items():
            made, rows = np.asarray(one.logits), encoded[domain][split]
            if isinstance(task, FittedAbstractiveSummarization):
                yield from (written_row(document, domain, split) for document in task.documents(made, rows))
            else:
                yield from (summary_row(document, domain, split) for document in task.documents(made, rows))


def summary_row(document: ExtractedSummary, domain: str, split: str) -> dict[str, Any]:
    """The line of one document."""
    from scipy.special import expit

    sentences = document.sentences
    return {
        "id": document.id,
        "split": split,
        "domain": domain,
        "summary": joined(sentences[number] for number in document.taken),
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


def written_row(document: GeneratedSummary, domain: str, split: str) -> dict[str, Any]:
    """The line of one document whose summary was written."""
    return {
        "id": document.id,
        "split": split,
        "domain": domain,
        "summary": document.written,
        "reference": document.summary,
        "sentences": [sentence.row() for sentence in document.checked_sentences()],
        "flags": [vars(flag) for flag in document.flags()],
    }


def repeated_summaries(
    task: FittedAbstractiveSummarization,
    scored: Mapping[str, Mapping[str, SplitPredictions]],
    encoded: "Mapping[str, Mapping[str, Dataset]]",
    learned: Sequence[str],
) -> dict[str, str]:
    """How often what was written is a training summary word for word, and how often a reference is, as facts.

    A network that has few summaries to learn from learns them by heart: their words may score well, and say something
    of another document; and a summary that nobody else should read may come back.

    Args:
        task: puts the summaries together.
        scored: what the model wrote, by domain and split.
        encoded: the same rows.
        learned: the training summaries.
    """
    known = {tuple(plain_words(text)) for text in learned}
    facts = {}
    for domain, splits in scored.items():
        for split, one in splits.items():
            documents = task.documents(np.asarray(one.logits), encoded[domain][split])
            again = sum(tuple(plain_words(document.written)) in known for document in documents)
            references = [document.summary for document in documents if document.summary is not None]
            same = sum(tuple(plain_words(text)) in known for text in references)
            beside = f"; of the references {same:,}" if references else ""
            facts[f"{domain} {split}"] = f"{again:,} of {len(documents):,}{beside}"
    return facts
