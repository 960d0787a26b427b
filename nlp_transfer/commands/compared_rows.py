"""Read what runs are compared by from their lines of predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nlp_transfer.commands.finished_runs import FinishedRun
from nlp_transfer.metrics.metric import Metric
from nlp_transfer.metrics.ordinal import KappaScores
from nlp_transfer.metrics.regression import NumberScores
from nlp_transfer.metrics.significance import ClassScores, CountScores, MeanScores, RowScores
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.predictions import number_array


def truth_of(row: Mapping[str, Any]) -> Any:
    """Return the reference of a line of predictions; None without one.

    Example:
        >>> truth_of({"id": 3, "label": "red"})
        'red'
    """
    return next((row[name] for name in ("label", "references", "reference") if name in row), None)


def scores_of(run: FinishedRun, rows: Sequence[list[dict[str, Any]]]) -> tuple[Metric, RowScores]:
    """Return the metric and the rows of all runs, in the order of the first run's."""
    order = [row["id"] for row in rows[0]]
    by_id = [{row["id"]: row for row in own} for own in rows]
    if "entities" in rows[0][0]:
        from nlp_transfer.metrics.entities import line_counts

        counts = np.stack([line_counts([own[one] for one in order]) for own in by_id])
        return METRICS["entity_f1"], CountScores(counts)
    if not isinstance(rows[0][0].get("predicted", ""), str | list):
        predicted = np.stack([number_array([own[one]["predicted"] for one in order]) for own in by_id])
        return METRICS["r2"], NumberScores(predicted, number_array([by_id[0][one]["reference"] for one in order]))
    if "predicted" not in rows[0][0]:
        from nlp_transfer.metrics.rouge import rouge_scores

        references = [str(row["reference"]) for row in rows[0]]
        values = [rouge_scores([own[one]["summary"] for one in order], references, ["rouge1"]) for own in by_id]
        return METRICS["rouge1"], MeanScores(np.array([[row["rouge1"] for row in own] for own in values]))
    scores = run.report.metrics[rows[0][0]["domain"]][rows[0][0]["split"]]
    names = list(scores["per_class"])
    truth = np.array([_class(by_id[0][one]["label"], names) for one in order])
    predictions = np.array([[_class(own[one]["predicted"], names) for one in order] for own in by_id])
    if "quadratic_kappa" in scores:
        return METRICS["quadratic_kappa"], KappaScores(predictions, truth)
    return METRICS["macro_f1"], ClassScores(predictions, truth)


def _class(label: Any, names: list[str]) -> Any:
    """Return a class id, or zeros and ones for a list of names."""
    return [int(name in label) for name in names] if isinstance(label, list) else names.index(label)
