"""Summaries of a run: the baselines' scores beside the model's, and the lines of `predictions.jsonl.gz`.

    {"id": "E09-1056", "split": "test", "domain": "source", "summary": "…", "reference": "…",
     "sentences": [{"start": 0, "end": 71, "score": 0.91}, …]}

Offsets count characters of the document; the score is the model's probability that the sentence belongs there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.reporting.report import DomainScores
from nlp_transfer.reporting.scoring import Scored
from nlp_transfer.reporting.summary_baselines import SUMMARY_BASELINES
from nlp_transfer.tasks.extractive_summarization import (
    BoundExtractiveSummarization,
    ScoredDocument,
    document_metrics,
)

if TYPE_CHECKING:
    from datasets import Dataset

KEYS = ("id", "split", "domain", "summary", "reference", "sentences")
"""The keys of a line, in their order. `reference` is null where there is none."""

SENTENCES_APART = " "
"""What stands between the sentences of a summary."""


def score_summary_baselines(
    names: Sequence[str],
    task: BoundExtractiveSummarization,
    scored: Mapping[str, Mapping[str, Scored]],
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> dict[str, DomainScores]:
    """Score each baseline where the model was scored."""
    results: dict[str, DomainScores] = {name: {} for name in names}
    for domain, splits in scored.items():
        for split, one in splits.items():
            if not one.metrics:
                continue
            documents = task.documents(one.logits, encoded[domain][split])
            for name in names:
                taken = [SUMMARY_BASELINES[name](document, task) for document in documents]
                of_baseline = [
                    replace(document, scores=scores, taken=numbers)
                    for document, (scores, numbers) in zip(documents, taken, strict=True)
                ]
                results[name].setdefault(domain, {})[split] = document_metrics(of_baseline, interval=True)
    return results


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
        "summary": SENTENCES_APART.join(sentences[number] for number in document.taken),
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
