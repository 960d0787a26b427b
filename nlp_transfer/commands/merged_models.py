"""Score weights on the held-out rows of a run, and write a merged model.

Weights are chosen by the task's primary metric on source validation, or by a label-free score of target texts; target
labels are for the report only. The decision, such as thresholds, is fitted again for all weights.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from transformers.utils import logging as transformers_logging

from nlp_transfer.commands.finished_runs import FinishedRun
from nlp_transfer.commands.merged_card import MERGED, RUNS
from nlp_transfer.data.corpus import calibration_split
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import atomic_folder, make_private_folder, write_json, write_text
from nlp_transfer.metrics.metric import TargetRows
from nlp_transfer.metrics.table import METRICS, compute_scores, metrics_of
from nlp_transfer.models.families import logits_layer, rescale_logits
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.weight_averaging import Weights
from nlp_transfer.reporting.report import METRICS_FILE, MODEL
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.backends import choose_device
from nlp_transfer.tasks.base import DomainScores, Task
from nlp_transfer.tasks.blocks import Table
from nlp_transfer.training.scoring import scored_splits
from nlp_transfer.training.setup import load_data
from nlp_transfer.training.target_data import adaptation_split, evaluation_splits

WITHOUT_LABELS = {metric.name: metric for metric in metrics_of(TargetRows)}
"""Label-free scores of target texts that weights may be chosen by; they need class probabilities only."""


def weight_choices(task: Task) -> tuple[str, ...]:
    """Return the scores by which weights of a task's models may be chosen.

    Example:
        >>> from nlp_transfer.tasks import ExtractiveSummarization
        >>> weight_choices(ExtractiveSummarization())
        ('rouge1',)
    """
    return (task.primary_metric, *(WITHOUT_LABELS if Output.LOGITS in task.provides else ()))


MAX_TARGET_ROWS = 2000
"""Maximum number of target texts that a label-free score reads."""


@dataclass(frozen=True)
class ScoredWeights:
    """Hold the scores of a network with some weights, the name of the primary metric, and the score that decides."""

    metrics: DomainScores
    primary: str
    value: float
    rank: float
    """The score that decides, negated if less is better."""


@dataclass(frozen=True)
class MergeResult:
    """Hold a merged model that was written: the alpha or the runs that were chosen, and the scores of all weights."""

    chosen: float | tuple[str, ...]
    scored: Mapping[Any, ScoredWeights]
    table: Table
    paths: dict[str, str]


class WeightScorer:
    """Score weights on the held-out rows of a run, by one of `WITHOUT_LABELS`, else by the primary metric."""

    def __init__(self, run: FinishedRun, choose_by: str | None = None) -> None:
        transformers_logging.disable_progress_bar()  # its bars for each file
        self.predictor = run.predictor.to(choose_device())
        corpora, self.task, self.tokenizer, encoded = load_data(run.settings)
        changed = [
            f"{run.folder}: its {domain} corpus was {run.inputs[f'{domain} corpus'][:12]}…, and is "
            f"{corpus.fingerprint[:12]}… now (the fingerprint of its rows). Put its files back as they were."
            for domain, corpus in corpora.items()
            if run.inputs.get(f"{domain} corpus", corpus.fingerprint) != corpus.fingerprint
        ]
        self.label_free = choose_by if choose_by in WITHOUT_LABELS else None
        if self.label_free and "target" not in encoded:
            changed.append(f"--choose_by {choose_by} looks at a target's texts, and {run.folder} had no target.")
        if "validation" not in encoded["source"]:
            changed.append(f"{run.folder} had no validation split, on which merged weights are scored and calibrated.")
        if changed:
            raise CheckpointError(changed)
        self.task.calibrate(None, None)  # saved networks give numbers in their units
        self._target = _few(encoded["target"][adaptation_split(encoded["target"])]) if self.label_free else None
        self._fitted_on = calibration_split(encoded["source"])
        self._fit_rows = encoded["source"][self._fitted_on]
        self._rows = {
            domain: {split: splits[split] for split in scored_splits(domain, splits)}
            for domain, splits in evaluation_splits(run.settings, encoded).items()
        }

    def score(self, weights: Weights, *, reported: bool = True) -> ScoredWeights:
        """Load weights into the network and score all splits, or only what decides if they are not `reported`."""
        fitted = self._load(weights)
        metrics: DomainScores = {}
        for domain, splits in self._rows.items():
            for split, rows in splits.items():
                decides = (domain, split) == ("source", "validation")
                if "labels" in rows.column_names and (reported or decides):
                    known = (domain, split) == ("source", self._fitted_on)
                    logits = fitted if known else self.predictor.row_logits(rows)
                    metrics.setdefault(domain, {})[split] = self.task.score(logits, _labels(rows), rows=rows)
        return ScoredWeights(metrics, *self._decide(metrics["source"]["validation"]))

    def _load(self, weights: Weights) -> np.ndarray:
        """Load weights into the network, calibrate it and fit its decision; return its logits of the rows for both."""
        network: Any = self.predictor.model
        network.load_state_dict(weights)
        logits, labels = self.predictor.row_logits(self._fit_rows), _labels(self._fit_rows)
        raw = None
        if (calibration := self.task.calibrate(logits, labels)) is not None:
            rescale_logits(logits_layer(network), calibration.scale, calibration.shift)
            logits, raw = calibration.apply(logits), logits
        self.task.fit_decision(logits, labels, self._fit_rows, raw=raw)
        return logits

    def _decide(self, scores: Mapping[str, Any]) -> tuple[str, float, float]:
        """Return the primary metric of source validation, the score that decides, and its rank."""
        primary = self.task.config.headline_metrics(scores)[0]
        if self.label_free is not None:
            probabilities = self.task.probabilities(self.predictor.row_logits(self._target))
            scores = compute_scores(TargetRows(probabilities, self.task.multi_label))
        decides = METRICS[self.label_free or primary]
        value = float(scores[decides.name])
        return primary, value, value if decides.greater_is_better else -value

    def write(
        self,
        place: Path,
        weights: Weights,
        scored: ScoredWeights,
        *,
        runs: Sequence[FinishedRun],
        how: Mapping[str, Any],
        report: str,
        files: Mapping[str, tuple[str, str]] | None = None,
    ) -> dict[str, str]:
        """Write a merged model with its scores, its report and the records of its runs; return the paths by word.

        `files` are further ones, as (name, text) by word.
        """
        self._load(weights)
        network: Any = self.predictor.model
        of_runs = [{"name": run.folder.resolve().name, "fingerprint": run.fingerprint} for run in runs]
        record = {"task": self.task.name, **self.task.settings(), MERGED: {**how, "runs": of_runs}}
        texts = {**(files or {}), "report": ("report.md", f"# {place.name}\n\n{report}")}
        try:
            with atomic_folder(place) as folder:
                for name, text in texts.values():
                    write_text(folder / name, text)
                saved_models.save(network, self.tokenizer, folder / MODEL, record=record, cut_at=self.task.cut_at)
                write_manifest(folder / MODEL)
                write_json(folder / METRICS_FILE, scored.metrics)
                for number, run in enumerate(runs, 1):
                    copy = make_private_folder(folder / RUNS / str(number))
                    for file in run.folder.glob("*.json"):
                        shutil.copy2(file, copy)
        except OSError as error:
            raise CheckpointError(f"{place} cannot be written: {error.strerror or error}.") from error
        written = {word: name for word, (name, _) in texts.items()} | {"model": MODEL, "metrics": METRICS_FILE}
        return {word: str(place / name) for word, name in written.items()}


def _few(rows: Any) -> Any:
    """Return at most `MAX_TARGET_ROWS` rows, evenly spaced."""
    return rows.select(np.linspace(0, len(rows) - 1, min(MAX_TARGET_ROWS, len(rows))).astype(int))


def _labels(rows: Any) -> np.ndarray:
    """Return the labels of encoded rows; lists of several lengths are padded with `IGNORE_INDEX`."""
    labels = list(rows["labels"])
    if isinstance(labels[0], list):
        return np.array(list(zip_longest(*labels, fillvalue=IGNORE_INDEX))).T
    return np.asarray(labels)
