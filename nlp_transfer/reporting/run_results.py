"""What stands beside a trained model in the report: baselines, what its predictions tell, and the predictions' file."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset

from nlp_transfer.data import Corpus
from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.metrics.metric import number
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.predictions import PREDICTIONS, write_predictions
from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.sections.adaptation import choices_by_labels, compare_with_source_only, pseudo_label_facts
from nlp_transfer.reporting.sections.label_shift import class_frequencies, correction_warnings
from nlp_transfer.reporting.sections.train_test_overlap import COPIED, copied_texts
from nlp_transfer.tasks.base import DomainPredictions, FittedTask, Predictions
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.target_data import Encoded, selects_by_target_labels

log = logging.getLogger(__name__)

TARGET_LABELS = "target labels"
"""The fact that says which of them were learned from."""

CHOSEN_BY_LABELS = "target labels that chose the checkpoint"
"""The fact that says which these are."""


@dataclass(frozen=True)
class PriorCorrection:
    """What was made of a model's class frequencies before it was scored.

    Args:
        facts: for the report.
        before: the logits of the target's splits without it; empty where nothing was corrected.
        validation: the logits of source validation without it, where something was.
    """

    facts: dict[str, str] = field(default_factory=dict)
    before: dict[str, np.ndarray] = field(default_factory=dict)
    validation: np.ndarray | None = None

    def undone(self, scored: DomainPredictions) -> DomainPredictions:
        """What the model said without it of source validation and of the target."""
        if self.validation is None:
            return scored
        validation = replace(scored["source"]["validation"], logits=self.validation)
        target = {split: replace(one, logits=self.before[split]) for split, one in scored["target"].items()}
        return {"source": {"validation": validation}, "target": target}


@dataclass(frozen=True)
class RunContext:
    """A run whose model is trained and scored.

    Args:
        config: of the run.
        task: of the run.
        trainer: with the trained model.
        corpora: by domain.
        encoded: all encoded rows.
        rows: those that were scored.
        scored: what the model said of them.
        correction: what was made of its class frequencies.
        source_only: the report of the source-only baseline, if there is one.
    """

    config: ExperimentParts
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
        return Path(str(self.config.training.output_dir)) / PREDICTIONS

    def source_only_scores(self) -> dict[str, Any]:
        """Return the scores of the source-only baseline, if there is one."""
        return {} if self.source_only is None else {SOURCE_ONLY: self.source_only.metrics}


@dataclass(frozen=True)
class RunResults:
    """What a report gets beside the model's scores.

    Args:
        baselines: scores by baseline.
        facts: what the predictions tell.
        paths: what was written, by a word for it.
        warnings: what whoever uses the model must know first.
    """

    baselines: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def collect_results(run: RunContext) -> RunResults:
    """Score the baselines, look at the predictions, and write them down. On the main process.

    Args:
        run: what is judged.
    """
    task, paths = run.task, {}
    warnings: list[str] = []
    if task.row_keys:
        write_predictions(run.predictions, prediction_rows(run), task.row_keys)
        paths["predictions"] = str(run.predictions)
    baselines = task.baselines(run.config.baseline_names, run.corpora, run.scored, run.rows)
    facts = task.findings(run.corpora, run.scored, run.rows)
    if by_source := scores_by_source(task, run.scored["source"], run.rows["source"]):
        facts[f"{METRICS[task.primary_metric].title} by source"] = by_source
    if task.label_names:
        warnings = _of_classes(run, facts)
        for warning in warnings:
            log.info(warning)
    return RunResults({**baselines, **run.source_only_scores()}, facts, paths, tuple(warnings))


def prediction_rows(run: RunContext) -> Iterator[dict[str, Any]]:
    """Yield the lines of the predictions file."""
    for domain, splits in run.scored.items():
        for split, one in splits.items():
            for row in run.task.rows(one, run.rows[domain][split]):
                yield {**row, "split": split, "domain": domain}


def scores_by_source(
    task: FittedTask, scored: Mapping[str, Predictions], encoded: Mapping[str, Dataset]
) -> dict[str, str]:
    """Describe the primary metric of each of several source domains; empty where there is one.

    Args:
        task: scores.
        scored: the source's splits.
        encoded: the same rows, with the domain of each.
    """
    facts: dict[str, list[str]] = {}
    for split, one in scored.items():
        if one.labels is None or DOMAIN_COLUMN not in encoded[split].column_names:
            continue
        domains = np.asarray(encoded[split][DOMAIN_COLUMN])
        for i, name in enumerate(encoded[split].features[DOMAIN_COLUMN].names):
            own = domains == i
            if own.any():
                score = task.score(one.logits[own], one.labels[own])[task.primary_metric]
                facts.setdefault(name, []).append(f"{split} {number(score)} ({int(own.sum()):,} rows)")
    return {name: ", ".join(parts) for name, parts in facts.items()}


def _of_classes(run: RunContext, facts: dict[str, Any]) -> list[str]:
    """Add what the predictions of classes show to `facts`; return the warnings."""
    config, task, scored, correction = run.config, run.task, run.scored, run.correction
    learned = [run.corpora["source"].splits["train"]]
    for method in active_methods(config.methods):
        if method.needs.target_labels:
            learned.append(run.corpora["target"].splits["train"])
            by = f"by {method.name}; not by the baselines"
            facts[TARGET_LABELS] = f"those of {len(learned[-1]):,} rows of split train were learned from, {by}"
    if selects_by_target_labels(config):
        facts[CHOSEN_BY_LABELS] = f"those of {len(run.encoded['target']['validation']):,} rows of split validation"
    copied, warnings = copied_texts(task, run.corpora, scored, learned)
    if copied:
        facts[COPIED] = copied
    if "target" in scored and not task.multi_label:
        facts["class frequencies"] = {**class_frequencies(task, correction.undone(scored)), **correction.facts}
        warnings += correction_warnings(task, scored["target"], correction.before)
    if config.log_target_scores:
        history = run.trainer.state.log_history
        if choices := choices_by_labels(config.training, history, multi_label=task.multi_label):
            facts["checkpoints"] = choices
    if pseudo := pseudo_label_facts(task, run.trainer, run.encoded):
        facts["pseudo-labels"] = pseudo
    if run.source_only is not None and "target" in scored:
        alone, by_source = (
            Path(str(config.training.output_dir)) / SOURCE_ONLY,
            f"{METRICS[task.primary_metric].title} by source",
        )
        if by_source in run.source_only.facts:
            facts[f"{by_source}, of {SOURCE_ONLY}"] = run.source_only.facts[by_source]
        comparison = compare_with_source_only(task, scored["target"], alone, correction.before)
        facts["adaptation"] = comparison.facts()
        if correction.before:
            facts["adaptation"]["both are"] = "without prior_correction"
        warnings += [comparison.warning(str(alone / "model"))] if comparison.warns else []
    return warnings
