"""Score weights as a run scores its own, and write a merged model.

Weights are chosen by source validation, or by a score that needs no labels; target labels are for the report only. The
thresholds of a multi-label model are tuned anew for all weights that are scored.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers.utils import logging as transformers_logging

from nlp_transfer.commands.finished_runs import FinishedRun
from nlp_transfer.commands.merged_card import MACRO_F1, MERGED
from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import atomic_folder, write_json, write_text
from nlp_transfer.metrics.model_selection import LABEL_FREE, infomax, mean_entropy, soft_neighborhood_density
from nlp_transfer.models.files.manifest import write_manifest
from nlp_transfer.models.weight_averaging import Weights
from nlp_transfer.reporting.report import METRICS_FILE, MODEL
from nlp_transfer.reporting.sections.results import SHOWN
from nlp_transfer.reporting.tables import to_markdown
from nlp_transfer.tasks import SequenceClassification, saved_models
from nlp_transfer.tasks.backends import choose_device
from nlp_transfer.tasks.base import DomainScores
from nlp_transfer.tasks.blocks import Table
from nlp_transfer.training.scoring import scored_splits
from nlp_transfer.training.setup import load_data
from nlp_transfer.training.target_data import adaptation_split, evaluation_splits

WITHOUT_LABELS: dict[str, Callable[..., float]] = {
    "target_infomax": infomax,
    "target_entropy": mean_entropy,
    "target_density": soft_neighborhood_density,
}
"""What weights may be chosen by on the target's texts: those of `LABEL_FREE` that look at predictions alone."""

CHOICES = (MACRO_F1, *WITHOUT_LABELS)

JUDGED_ROWS = 2000
"""How many target texts a score without labels looks at, at most."""


@dataclass(frozen=True)
class ScoredWeights:
    """Hold the scores of a network with some weights.

    Args:
        metrics: by domain and split.
        thresholds: tuned on source validation, by label; none for single-label.
        value: the score that decides.
        more_is_better: which way it points.
    """

    metrics: DomainScores
    thresholds: dict[str, float]
    value: float
    more_is_better: bool = True

    @property
    def rank(self) -> float:
        """Return the score that decides, turned so that more is better."""
        return self.value if self.more_is_better else -self.value

    def scores(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return what a table shows of the metrics."""
        return {
            domain: {split: {key: one[key] for key in SHOWN} for split, one in splits.items()}
            for domain, splits in self.metrics.items()
        }


class WeightScorer:
    """Scores weights on the held-out rows of a run.

    Args:
        run: whose corpora and network are used.
        choose_by: one of `CHOICES`.

    Raises:
        ConfigError, DataError: a corpus is not here.
        CheckpointError: a corpus is not what it was, or `choose_by` looks at a target, and there is none.
    """

    def __init__(self, run: FinishedRun, choose_by: str = MACRO_F1) -> None:
        transformers_logging.disable_progress_bar()  # its bars for each file
        corpora, task, self.tokenizer, encoded = load_data(run.settings)
        changed = [
            f"{run.folder}: its {domain} corpus was {run.inputs[f'{domain} corpus'][:12]}…, and is "
            f"{corpus.fingerprint[:12]}… now (the fingerprint of its rows). Put its files back as they were."
            for domain, corpus in corpora.items()
            if run.inputs.get(f"{domain} corpus", corpus.fingerprint) != corpus.fingerprint
        ]
        if choose_by != MACRO_F1 and "target" not in encoded:
            changed.append(f"--choose_by {choose_by} looks at a target's texts, and {run.folder} had no target.")
        if changed:
            raise CheckpointError(changed)
        if not task.label_names:
            raise CheckpointError(
                f"{run.folder} is a run of {run.task}, and its weights cannot be scored here. Expected runs that "
                f"classify ({SequenceClassification.name})."
            )
        self.task = task
        self.choose_by = choose_by
        self._seen = None if choose_by == MACRO_F1 else _few(encoded["target"][adaptation_split(encoded["target"])])
        self._rows = {
            domain: {split: splits[split] for split in scored_splits(domain, splits)}
            for domain, splits in evaluation_splits(run.settings, encoded).items()
        }
        self.classifier = run.classifier.to(choose_device())

    def score(self, weights: Weights, *, reported: bool = True) -> ScoredWeights:
        """Put the weights into the network, and score it.

        Args:
            weights: the network's.
            reported: on all that is held out; otherwise on what decides alone, which is less to compute.
        """
        network: Any = self.classifier.model
        network.load_state_dict(weights)
        rows = self._rows["source"]["validation"]
        validation = self._logits(rows)
        self.task.fit_decision(validation, _labels(rows))
        metrics: DomainScores = {}
        for domain, splits in self._rows.items():
            for split, rows in splits.items():
                decides = (domain, split) == ("source", "validation")
                if "labels" in rows.column_names and (reported or decides):
                    own = validation if decides else self._logits(rows)
                    metrics.setdefault(domain, {})[split] = self.task.score(own, _labels(rows))
        thresholds = self.task.threshold_by_label()
        if self._seen is None:
            return ScoredWeights(metrics, thresholds, float(metrics["source"]["validation"][MACRO_F1]))
        judge = WITHOUT_LABELS[self.choose_by]
        options = {} if judge is soft_neighborhood_density else {"multi_label": self.task.multi_label}
        found = judge(self.task.probabilities(self._logits(self._seen)), **options)
        return ScoredWeights(metrics, thresholds, found, LABEL_FREE[self.choose_by].greater_is_better)

    def _logits(self, rows: Any) -> np.ndarray:
        return self.classifier.token_logits(list(rows["input_ids"]))

    def write(
        self,
        folder: Path,
        weights: Weights,
        scored: ScoredWeights,
        *,
        title: str,
        how: dict[str, Any],
        tables: Mapping[str, Table],
        notes: str,
    ) -> dict[str, str]:
        """Write a merged model, its scores, and a report.

        Args:
            folder: an empty one.
            weights: the model's.
            scored: what they score.
            title: of the report.
            how: how they came about; kept in the model's config.json, too.
            tables: for the report, by heading.
            notes: for the report, in Markdown.

        Returns:
            The names of what was written, by a word for each.
        """
        network: Any = self.classifier.model
        network.load_state_dict(weights)
        settings = self.task.settings()
        if scored.thresholds:
            settings["thresholds"] = scored.thresholds
        names = {"model": MODEL, "report": "report.md", "metrics": METRICS_FILE}
        record = {"task": self.task.name, **settings, MERGED: how}
        saved_models.save(network, self.tokenizer, folder / MODEL, record=record, cut_at=self.task.cut_at)
        write_manifest(folder / MODEL)
        parts = [f"# {title}\n", notes, *(f"## {name}\n\n{to_markdown(one)}" for name, one in tables.items())]
        write_text(folder / names["report"], "\n".join(parts))
        write_json(folder / METRICS_FILE, scored.metrics)
        return names


@contextmanager
def merged_folder(place: Path) -> Iterator[Path]:
    """Make a folder to write a merged model to, as `atomic_folder` does; raises CheckpointError."""
    try:
        with atomic_folder(place) as folder:
            yield folder
    except OSError as error:
        raise CheckpointError(f"{place} cannot be written: {error.strerror or error}.") from error


def _few(rows: Any) -> Any:
    """Return up to `JUDGED_ROWS` of some rows, evenly spaced."""
    return rows.select(np.linspace(0, len(rows) - 1, min(JUDGED_ROWS, len(rows))).astype(int))


def _labels(rows: Any) -> np.ndarray:
    return np.asarray(rows["labels"])
