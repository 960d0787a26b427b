"""Summaries of a run: the baselines' scores beside the model's, and the lines of `predictions.jsonl.gz`.

    {"id": "E09-1056", "split": "test", "domain": "source", "summary": "…", "reference": "…",
     "sentences": [{"start": 0, "end": 71, "score": 0.91}, …]}

Offsets count characters of the document; the score is the model's probability that the sentence belongs there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.metrics.summaries import gain_interval
from nlp_transfer.metrics.words import joined
from nlp_transfer.reporting.report import DomainScores
from nlp_transfer.reporting.scoring import Scored
from nlp_transfer.reporting.summary_baselines import SUMMARY_BASELINES, Selecting
from nlp_transfer.tasks import BoundExtractiveSummarization
from nlp_transfer.tasks.scored_documents import ScoredDocument, document_metrics, rouge1_of_each

if TYPE_CHECKING:
    from datasets import Dataset

KEYS = ("id", "split", "domain", "summary", "reference", "sentences")
"""The keys of a line, in their order. `reference` is null where there is none."""


def score_summary_baselines(
    names: Sequence[str],
    task: BoundExtractiveSummarization,
    scored: Mapping[str, Mapping[str, Scored]],
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
            documents = task.documents(one.logits, encoded[domain][split])
            for name, scores in baseline_scores(names, documents, task).items():
                results[name].setdefault(domain, {})[split] = scores
    return results


def baseline_scores(
    names: Sequence[str], documents: Sequence[ScoredDocument], by: Selecting
) -> dict[str, dict[str, Any]]:
    """The metrics of each baseline on documents that a model was scored on; see `score_summary_baselines`."""
    ours = rouge1_of_each(documents)
    found = {}
    for name in names:
        taken = [SUMMARY_BASELINES[name](document, by) for document in documents]
        of_baseline = [
            replace(document, scores=ranks, taken=numbers)
            for document, (ranks, numbers) in zip(documents, taken, strict=True)
        ]
        found[name] = document_metrics(of_baseline, interval=True)
        if ours is not None:
            low, high = gain_interval(ours, rouge1_of_each(of_baseline) or ())
            found[name] |= {"rouge1_gain_low": low, "rouge1_gain_high": high}
    return found


def summary_rows(
    task: BoundExtractiveSummarization,
    scored: Mapping[str, Mapping[str, Scored]],
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> Iterator[dict[str, Any]]:
    """Summaries as `write_predictions` takes them."""
    for domain, splits in scored.items():
        for split, one in splits.items():
            for document in task.documents(np.asarray(one.logits), encoded[domain][split]):
                yield summary_row(document, domain, split)


def summary_row(document: ScoredDocument, domain: str, split: str) -> dict[str, Any]:
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
    }
