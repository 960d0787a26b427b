"""Hold what a finished training leaves for its report."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from nlp_transfer.data import Corpus
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.base import Method
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.base import DomainPredictions, FittedTask
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.target_data import Encoded


@dataclass(frozen=True)
class PriorCorrection:
    """The correction of a model's class frequencies before it was scored.

    Args:
        facts: for the report.
        before: the logits of the target's splits without it; empty where nothing was corrected.
        validation: the logits of source validation without it, where something was.
    """

    facts: dict[str, str] = field(default_factory=dict)
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
    """A run whose model is trained and scored.

    Args:
        experiment: of the run.
        task: of the run.
        trainer: with the trained model.
        corpora: by domain.
        encoded: all encoded rows.
        rows: those that were scored.
        scored: the predictions for them.
        correction: the correction of its class frequencies.
        source_only: the report of the source-only baseline, if there is one.
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

    @property
    def predictions(self) -> Path:
        """The file of its predictions."""
        return Path(str(self.experiment.training.output_dir)) / PREDICTIONS

    def source_only_scores(self) -> dict[str, Any]:
        """Return the scores of the source-only baseline, if there is one."""
        return {} if self.source_only is None else {SOURCE_ONLY: self.source_only.metrics}

    def learned_labels(self) -> list[Dataset]:
        """Return the rows whose texts and labels training learned from."""
        learned = [self.corpora["source"].splits["train"]]
        return [*learned, *(self.corpora["target"].splits["train"] for _ in self.label_methods())]

    def label_methods(self) -> list[Method]:
        """Return the methods that learned from target labels."""
        return [method for method in active_methods(self.experiment.methods) if method.needs.target_labels]
