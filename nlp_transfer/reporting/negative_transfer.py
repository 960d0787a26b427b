"""Did adaptation do harm? A model that adapted beside one that learned from the source alone, on the same target texts.

Three scores without labels vote: entropy, InfoMax and soft neighbourhood density of the predictions
(metrics/label_free.py). Where most prefer the source-only model the run warns. Adaptation makes a model surer of the
target by its nature, so silence proves little; a warning is worth a look. Where the report has target labels, it says
which model they prefer.
"""

import gzip
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlp_transfer.metrics.label_free import LABEL_FREE, infomax, mean_entropy, soft_neighborhood_density
from nlp_transfer.reporting.score_tables import number

SOURCE_ONLY = "source_only"
"""The system's name in tables, and the folder of its run inside the adapting run's."""

MOST_NEIGHBOURS = 2000
"""Rows whose neighbours are compared, each with each."""


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
    def against(self) -> list[str]:
        """The scores that prefer the source-only model."""
        return [
            name
            for name, (adapted, alone) in self.scores.items()
            if (alone > adapted if LABEL_FREE[name].greater_is_better else alone < adapted)
        ]

    @property
    def warns(self) -> bool:
        """Whether most of them do."""
        return 2 * len(self.against) > len(self.scores)

    def facts(self) -> dict[str, str]:
        """For the report."""
        found = {
            "scores without labels, adapted and source-only": "; ".join(
                f"{name} {adapted:.3f} and {alone:.3f}" for name, (adapted, alone) in self.scores.items()
            ),
            "they prefer": "source-only: a warning was given" if self.warns else "the model that adapted",
        }
        if self.macro_f1 is not None:
            adapted, alone = self.macro_f1
            better = "neither" if adapted == alone else "the model that adapted" if adapted > alone else "source-only"
            found["the labels prefer"] = f"{better}: macro-F1 {number(adapted)} and {number(alone)}"
        return found

    def warning(self, folder: str) -> str:
        """What a person is told.

        Args:
            folder: of the source-only run.
        """
        sides = ((name, *self.scores[name]) for name in self.against)
        shown = ", ".join(f"{name} {adapted:.3f} against {alone:.3f}" for name, adapted, alone in sides)
        return (
            f"Adaptation looks worse than training on the source alone: {shown}. Compare their predictions before you "
            f"use the model; the source-only one is {folder}/model. A smaller weight of the method adapts less."
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


def read_probabilities(path: str | os.PathLike[str], domain: str) -> np.ndarray:
    """The probabilities that `write_predictions` wrote of a domain's rows, shape (rows, classes)."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return np.array([list(row["probabilities"].values()) for row in rows if row["domain"] == domain])
