"""What stands beside a trained model in the report: baselines, what its predictions tell, and the predictions' file."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.data import Corpus
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.reporting.predictions import PREDICTIONS, write_predictions
from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.sections.adaptation import choices_by_labels, compare_with_source_only, pseudo_label_facts
from nlp_transfer.reporting.sections.label_shift import class_frequencies, correction_warnings
from nlp_transfer.reporting.sections.train_test_overlap import COPIED, copied_texts
from nlp_transfer.tasks import (
    FittedAbstractiveSummarization,
    FittedClassification,
    FittedExtractiveSummarization,
    FittedTask,
)
from nlp_transfer.tasks.summarization.sections import (
    KEYS,
    repeated_summaries,
    score_summary_baselines,
    summary_rows,
)
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.scoring import SplitPredictions, prediction_rows, score_baselines, scores_by_source
from nlp_transfer.training.target_data import Encoded, selects_by_target_labels

log = logging.getLogger(__name__)

TARGET_LABELS = "target labels"
"""The fact that says which of them were learned from."""

CHOSEN_BY_LABELS = "target labels that chose the checkpoint"
"""The fact that says which these are."""

BY_SOURCE = "macro-F1 by source"
"""The fact that says what each of several source domains scores."""

PERPLEXITY_BY_SOURCE = "perplexity by source"
"""The same for a model that guesses words."""

REPEATED = "summaries that are a training summary word for word"
"""The fact that says how many were learned by heart."""


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

    def undone(
        self, scored: Mapping[str, Mapping[str, SplitPredictions]]
    ) -> Mapping[str, Mapping[str, SplitPredictions]]:
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

    config: Experiment
    task: FittedTask
    trainer: TransferTrainer
    corpora: Mapping[str, Corpus]
    encoded: Encoded
    rows: Encoded
    scored: Mapping[str, Mapping[str, SplitPredictions]]
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
    if isinstance(run.task, FittedExtractiveSummarization | FittedAbstractiveSummarization):
        return _of_summaries(run, run.task)
    if isinstance(run.task, FittedClassification):
        judged = _of_classes(run, run.task)
        for warning in judged.warnings:
            log.info(warning)
        return judged
    by_source = scores_by_source(run.task, "perplexity", run.scored["source"], run.rows["source"])
    return RunResults(facts={PERPLEXITY_BY_SOURCE: by_source} if by_source else {})


def _of_summaries(run: RunContext, task: FittedExtractiveSummarization | FittedAbstractiveSummarization) -> RunResults:
    write_predictions(run.predictions, summary_rows(task, run.scored, run.rows), KEYS)
    baselines = score_summary_baselines(run.config.baseline_names, task, run.scored, run.rows)
    repeated = {}
    if isinstance(task, FittedAbstractiveSummarization):
        learned = run.corpora["source"].splits["train"]["summary"]
        repeated = {REPEATED: repeated_summaries(task, run.scored, run.rows, learned)}
    return RunResults({**baselines, **run.source_only_scores()}, repeated, {"predictions": str(run.predictions)})


def _of_classes(run: RunContext, task: FittedClassification) -> RunResults:
    config, scored, correction = run.config, run.scored, run.correction
    write_predictions(run.predictions, prediction_rows(task, scored))
    baselines = score_baselines(config.baseline_names, task, run.corpora, scored)
    facts: dict[str, Any] = {}
    learned = [run.corpora["source"].splits["train"]]
    for method in config.methods:
        if method.needs_target_labels and method.uses_target():
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
    if by_source := scores_by_source(task, "macro_f1", scored["source"], run.rows["source"]):
        facts[BY_SOURCE] = by_source
    if pseudo := pseudo_label_facts(task, run.trainer, run.encoded):
        facts["pseudo-labels"] = pseudo
    if run.source_only is not None and "target" in scored:
        baselines |= run.source_only_scores()
        alone = Path(str(config.training.output_dir)) / SOURCE_ONLY
        if BY_SOURCE in run.source_only.facts:
            facts[f"{BY_SOURCE}, of {SOURCE_ONLY}"] = run.source_only.facts[BY_SOURCE]
        comparison = compare_with_source_only(task, scored["target"], alone, correction.before)
        facts["adaptation"] = comparison.facts()
        if correction.before:
            facts["adaptation"]["both are"] = "without prior_correction"
        warnings += [comparison.warning(str(alone / "model"))] if comparison.warns else []
    return RunResults(baselines, facts, {"predictions": str(run.predictions)}, tuple(warnings))
