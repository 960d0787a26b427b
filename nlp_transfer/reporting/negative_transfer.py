"""Did adaptation do harm? A model that adapted beside one that learned from the source alone, on the same target texts.

The run warns where the mutual information of texts and predicted classes (InfoMax, metrics/label_free.py) is lower than
the source-only model's: the model became less sure, or calls too much one class. Entropy and soft neighbourhood density
are shown and do not vote: a model that calls everything one class is the best by both. Adaptation makes a model surer
of the target by its nature, so silence proves little; a warning is worth a look. Where the report has target labels,
it says which model they prefer.
"""

import gzip
import json
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.classification import classification_metrics
from nlp_transfer.metrics.label_free import infomax, mean_entropy, soft_neighborhood_density
from nlp_transfer.reporting.score_tables import number

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer

SOURCE_ONLY = "source_only"
"""The system's name in tables, and the folder of its run inside the adapting run's."""

ADAPTED = "the model that adapted"

MOST_NEIGHBOURS = 2000
"""Rows whose neighbours are compared, each with each."""

VOTE = "target_infomax"
"""The score that warns."""

TOLERANCE = 0.02
"""How much of the source-only model's score may be lost before that is a warning, and gained before it is a gain."""

LEAST = 0.005
"""Nats that differ at least where that is so: of two models that call everything one class neither is preferred."""


@dataclass(frozen=True)
class Comparison:
    """Two models on the target's texts.

    Args:
        scores: by score: (of the model that adapted, of the source-only model).
        macro_f1: the same by the labels; None where the target has none.
    """

    scores: dict[str, tuple[float, float]]
    macro_f1: tuple[float, float] | None = None

    @property
    def gain(self) -> float:
        """By how much of the source-only model's score the model that adapted is above it; 0 within the tolerances."""
        adapted, alone = self.scores[VOTE]
        gain = (adapted - alone) / max(abs(alone), 1e-6)
        return gain if abs(gain) > TOLERANCE and abs(adapted - alone) > LEAST else 0.0

    @property
    def warns(self) -> bool:
        """Whether the source-only model seems better."""
        return self.gain < 0

    def facts(self) -> dict[str, str]:
        """For the report."""
        preferred = "neither" if not self.gain else "source-only (a warning was given)" if self.warns else ADAPTED
        found = {
            name: f"{adapted:.4f} adapted, {alone:.4f} source-only" for name, (adapted, alone) in self.scores.items()
        }
        found["preferred without labels"] = preferred
        if self.macro_f1 is not None:
            adapted, alone = self.macro_f1
            better = "neither" if adapted == alone else ADAPTED if adapted > alone else "source-only"
            values = f"macro-F1 {number(adapted)} adapted, {number(alone)} source-only"
            found["preferred by the labels"] = f"{better} ({values})"
            if self.warns:
                found["the warning"] = "right, by the labels" if alone > adapted else "wrong, by the labels"
        return found

    def warning(self, folder: str) -> str:
        """What a person is told.

        Args:
            folder: of the source-only run.
        """
        adapted, alone = self.scores[VOTE]
        return (
            f"Adaptation looks worse than training on the source alone: {VOTE} {adapted:.4f} against {alone:.4f}. "
            f"Compare their predictions before you use the model; the source-only one is {folder}/model. A smaller "
            "weight of the method, or a larger share of the source in joint, adapts less."
        )


def compare(
    adapted: np.ndarray,
    alone: np.ndarray,
    *,
    multi_label: bool,
    metrics: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
) -> Comparison:
    """Compare two models by what they say of the same rows.

    Args:
        adapted: probabilities of the model that adapted, shape (rows, classes).
        alone: of the source-only model, the same shape.
        multi_label: whether each column is a probability of its own.
        metrics: the scores of both by the labels, where there are any.
    """
    rows = np.linspace(0, len(adapted) - 1, min(len(adapted), MOST_NEIGHBOURS)).round().astype(int)
    scores = {
        "target_entropy": tuple(mean_entropy(side, multi_label=multi_label) for side in (adapted, alone)),
        "target_infomax": tuple(infomax(side, multi_label=multi_label) for side in (adapted, alone)),
    }
    if len(rows) >= 3:
        scores["target_density"] = tuple(soft_neighborhood_density(side[rows]) for side in (adapted, alone))
    by_labels = None if metrics is None else (metrics[0]["macro_f1"], metrics[1]["macro_f1"])
    return Comparison({name: (pair[0], pair[1]) for name, pair in scores.items()}, by_labels)


def compare_on_target(adapted: "Trainer", alone: "Trainer", rows: "Dataset") -> Comparison:
    """Compare two trained classifiers on target rows, for a notebook; a configuration's run does it by itself.

    Args:
        adapted: the trainer whose methods used the target.
        alone: one that learned from the source alone, of the same classes.
        rows: encoded target rows; what labels they have are for the comparison's `macro_f1` alone.

    Raises:
        DataError: the two do not predict the same classes.
    """
    from scipy.special import expit, softmax

    multi_label = _has_several_labels(adapted)
    logits, labels = zip(*(_predictions(trainer, rows) for trainer in (adapted, alone)), strict=True)
    if logits[0].shape != logits[1].shape:
        classes = [side.shape[-1] for side in logits]
        raise DataError(
            f"The model that adapted has {classes[0]} classes and the other {classes[1]}; expected the same of both."
        )
    probabilities = [expit(side) if multi_label else softmax(side, axis=1) for side in logits]
    metrics = None
    if labels[0] is not None:
        names = [str(i) for i in range(logits[0].shape[1])]
        predicted = [(side > 0).astype(int) if multi_label else side.argmax(axis=1) for side in logits]
        ours, theirs = (
            classification_metrics(side, labels[0].astype(int), names, multi_label=multi_label, bootstrap_samples=0)
            for side in predicted
        )
        metrics = (ours, theirs)
    return compare(probabilities[0], probabilities[1], multi_label=multi_label, metrics=metrics)


def _has_several_labels(trainer: "Trainer") -> bool:
    """Whether a text may have several labels: by the model's configuration, or by the rows that it learned from."""
    from nlp_transfer.training.target_rows import label_column

    problem_type = trainer.accelerator.unwrap_model(trainer.model).config.problem_type
    learned: Any = trainer.train_dataset
    if problem_type is not None or learned is None:
        return bool(problem_type == "multi_label_classification")
    column = label_column(learned)
    return column is not None and isinstance(learned[0][column], list)


def _predictions(trainer: "Trainer", rows: "Dataset") -> tuple[np.ndarray, np.ndarray | None]:
    """Logits and labels of rows, in their order."""
    output = trainer.predict(rows)  # type: ignore[arg-type]  # it takes datasets' datasets
    logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
    return np.asarray(logits), None if output.label_ids is None else np.asarray(output.label_ids)


def read_probabilities(path: str | os.PathLike[str], domain: str, splits: Container[str]) -> np.ndarray:
    """The probabilities that `write_predictions` wrote of a domain's rows in some splits, shape (rows, classes)."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return np.array(
            [list(row["probabilities"].values()) for row in rows if row["domain"] == domain and row["split"] in splits]
        )
