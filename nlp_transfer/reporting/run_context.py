"""Hold what a finished training leaves for its report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.base import Method
from nlp_transfer.methods.context import Context
from nlp_transfer.models.loading import LoadedModel
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.reporting.prepared_run import truncation_summary
from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.base import DomainPredictions, DomainScores, FittedTask
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.target_data import Encoded
from nlp_transfer.training.trainer import TransferTrainer


@dataclass(frozen=True)
class PriorCorrection:
    """Describe the correction of a model's class frequencies: why it was `refused`, or the logits before it."""

    refused: str | None = None
    before: dict[str, np.ndarray] = field(default_factory=dict)
    validation: np.ndarray | None = None

    def undone(self, scored: DomainPredictions) -> DomainPredictions:
        """Return the predictions for source validation and the target without the correction."""
        if self.validation is None:
            return scored
        validation = replace(scored["source"]["validation"], logits=self.validation)
        target = {split: replace(one, logits=self.before[split]) for split, one in scored["target"].items()}
        return {"source": {"validation": validation}, "target": target}


@dataclass(frozen=True)
class RunContext:
    """Hold a run whose model is trained and scored: all encoded rows, those that were scored, and the predictions.

    `before` has the predictions of the untrained model, where a run compares with it; `averaged` says whether the
    weights are the mean with the source-only baseline's.
    """

    experiment: ExperimentParts
    task: FittedTask
    trainer: TransferTrainer
    corpora: Mapping[str, Corpus]
    encoded: Encoded
    rows: Encoded
    scored: DomainPredictions
    correction: PriorCorrection
    source_only: Report | None
    before: DomainPredictions = field(default_factory=dict)
    ceiling: Report | None = None
    averaged: bool = False

    @property
    def predictions(self) -> Path:
        """Return the file of its predictions."""
        return Path(str(self.experiment.training.output_dir)) / PREDICTIONS

    def learned_labels(self) -> list[Dataset]:
        """Return the rows whose texts and labels training learned from."""
        learned = [self.corpora["source"].splits["train"]] if "source" in self.corpora else []
        return [*learned, *(self.corpora["target"].splits["train"] for _ in self.label_methods())]

    def label_methods(self) -> list[Method]:
        """Return the methods that learned from target labels."""
        return [method for method in active_methods(self.experiment.methods) if method.needs.target_labels]


def prediction_rows(run: RunContext) -> Iterator[dict[str, Any]]:
    """Yield the lines of the predictions file."""
    for domain, splits in run.scored.items():
        for split, one in splits.items():
            for row in run.task.rows(one, run.rows[domain][split]):
                yield {**row, "split": split, "domain": domain}


def metrics_of(scored: DomainPredictions) -> DomainScores:
    """Return the metrics of the splits that have labels."""
    return {
        domain: {split: one.metrics for split, one in splits.items() if one.metrics}
        for domain, splits in scored.items()
    }


def facts_of(loaded: LoadedModel, encoded: Encoded, trainer: TransferTrainer, context: Context) -> dict[str, Any]:
    """Return what a reader of the report must know of training, by labels for people."""
    facts = {**dict.fromkeys(loaded.notes, True), **truncation_summary(encoded), **trainer.summary()}
    for name, fact in context.facts.items():
        tried = {"candidates": len(fact["candidates"])} if isinstance(fact, dict) and "candidates" in fact else {}
        facts[name] = {**fact, **tried} if tried else fact
    return facts
