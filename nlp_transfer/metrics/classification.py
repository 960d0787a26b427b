"""Accuracy, precision, recall and F1, Matthews correlation and confusion matrices, as the literature counts them.

Macro is the mean over classes, weighted the mean weighted by support, micro the same ratio over summed counts; 0 / 0
counts as 0. A single-label mean is over the classes that occur in references or predictions; others have null scores. A
multi-label mean is over all labels, as in LexGLUE (Chalkidis et al., 2022, https://arxiv.org/abs/2110.00976), whose
tables for UNFAIR-ToS and ECtHR score "no label" as one column more: `macro_f1_with_none` and `micro_f1_with_none`.
"""

from collections.abc import Sequence
from typing import Any

import evaluate
import numpy as np
from datasets import Features, List, Value
from sklearn.metrics import (
    confusion_matrix,
    f1_score,
    hamming_loss,
    matthews_corrcoef,
    multilabel_confusion_matrix,
    precision_recall_fscore_support,
)

from nlp_transfer.errors import DataError


class ClassificationScores(evaluate.Metric):
    """All scores of hard predictions, as a metric that needs no network and leaves nothing on disk.

    Raises:
        ValueError: label names that are not unique, or none.

    Example:
        >>> metric = ClassificationScores(["permissive", "copyleft"], multi_label=False)
        >>> metric.compute(predictions=[0, 1], references=[0, 0])["accuracy"]
        0.5
    """

    def __init__(self, label_names: Sequence[str], *, multi_label: bool) -> None:
        self.label_names = [str(name) for name in label_names]
        self.multi_label = multi_label
        if not self.label_names:
            raise ValueError("A classification metric needs the names of its classes; got none.")
        if len(set(self.label_names)) < len(self.label_names):
            twice = sorted({name for name in self.label_names if self.label_names.count(name) > 1})
            raise ValueError(f"Label names must be unique; more than once: {', '.join(twice)}.")
        super().__init__(keep_in_memory=True)

    def compute(self, *, predictions: Any = None, references: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Score whole arrays, or the rows collected by `add` and `add_batch`."""
        if predictions is None or references is None or self.writer is not None or kwargs:
            gathered: dict[str, Any] = super().compute(predictions=predictions, references=references, **kwargs)
            return gathered
        # Arrow would encode every row in Python (40 µs each where there are ten labels); these arrays are whole.
        return self._compute(predictions=predictions, references=references)

    def _info(self) -> evaluate.MetricInfo:
        row = List(Value("int64")) if self.multi_label else Value("int64")
        features = Features(predictions=row, references=row)
        return evaluate.MetricInfo(
            description=type(self).__doc__ or "", citation="", inputs_description="", features=features
        )

    def _build_data_dir(self) -> str:
        return ""  # rows stay in memory: no folder in the user's cache

    def _compute(self, *, predictions: Any, references: Any) -> dict[str, Any]:
        rows = check_rows(predictions, references, len(self.label_names), multi_label=self.multi_label)
        right = float(np.mean(np.reshape(rows[0] == rows[1], (len(rows[1]), -1)).all(axis=1)))
        scores: dict[str, Any] = {"accuracy": right}
        if self.multi_label:
            scores |= {"exact_match": right, "hamming_loss": float(hamming_loss(rows[1], rows[0]))}
        scores |= _precision_recall_f1(*rows, self.label_names)
        scores |= _f1_with_none(*rows) if self.multi_label else {"matthews": _matthews(*rows)}
        return {**scores, "confusion_matrix": _confusions(*rows, len(self.label_names))}


def _precision_recall_f1(predictions: np.ndarray, references: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """Return `macro_…`, `micro_…` and `weighted_…` scores, and `per_class` with each class's support."""
    multi_label, labels = references.ndim == 2, None
    if multi_label and len(names) == 1:
        # One column is binary to scikit-learn, which would average over "no" as a class of its own.
        predictions, references, labels = predictions[:, 0], references[:, 0], [1]
    scores: dict[str, Any] = {}
    for average in ("macro", "micro", "weighted"):
        means = precision_recall_fscore_support(
            references, predictions, labels=labels, average=average, zero_division=0
        )
        scores |= {f"{average}_{name}": float(v) for name, v in zip(("precision", "recall", "f1"), means, strict=False)}
    columns = labels or np.arange(len(names))
    of_class = precision_recall_fscore_support(references, predictions, labels=columns, average=None, zero_division=0)
    occurs = np.full(len(names), True) if multi_label else np.isin(columns, [references, predictions])
    scores["per_class"] = {
        name: {
            "precision": float(precision) if there else None,
            "recall": float(recall) if there else None,
            "f1": float(f1) if there else None,
            "support": int(support),
        }
        for name, there, precision, recall, f1, support in zip(names, occurs, *of_class, strict=True)
    }
    return scores


def _matthews(predictions: np.ndarray, references: np.ndarray) -> float:
    if len(np.unique(np.concatenate([predictions, references]))) == 1:
        return 0.0  # scikit-learn returns the same, with a warning
    return float(matthews_corrcoef(references, predictions))


def _f1_with_none(predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
    """Return F1 with "no label" as one column more."""
    truth, guess = (np.column_stack([x, ~x.any(axis=1)]).astype(np.int64) for x in (references, predictions))
    return {
        f"{average}_f1_with_none": float(f1_score(truth, guess, average=average, zero_division=0))
        for average in ("macro", "micro")
    }


def _confusions(predictions: np.ndarray, references: np.ndarray, classes: int) -> list[Any]:
    """Return counts, rows true and columns predicted; for multi-label [[TN, FP], [FN, TP]] of each label."""
    if references.ndim == 1:
        if classes == 1:
            return [[len(references)]]  # scikit-learn returns the same, with a warning
        return list(confusion_matrix(references, predictions, labels=np.arange(classes)).tolist())
    if classes == 1:
        return list(multilabel_confusion_matrix(references[:, 0], predictions[:, 0], labels=[1]).tolist())
    return list(multilabel_confusion_matrix(references, predictions).tolist())


def check_rows(predictions: Any, references: Any, classes: int, *, multi_label: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and references as int64 arrays that scikit-learn cannot misread.

    Args:
        predictions: class ids, shape (rows,), or for multi-label zeros and ones, shape (rows, classes).
        references: the same for the truth.

    Raises:
        DataError: no rows.
        ValueError: shapes that differ or do not fit, numbers that are not whole, or ids outside 0 … classes - 1.
    """
    arrays = {"predictions": np.asarray(predictions), "references": np.asarray(references)}
    if any(array.shape[:1] == (0,) for array in arrays.values()):
        counts = " and ".join(f"{len(array)} {name}" for name, array in arrays.items())
        raise DataError(f"Nothing to score: got {counts}. Metrics need at least one row; is the split empty?")
    for name, array in arrays.items():
        expected = f"(rows, {classes})" if multi_label else "(rows,)"
        if array.ndim != (2 if multi_label else 1) or (multi_label and array.shape[1] != classes):
            raise ValueError(f"{name} must have shape {expected}; got {array.shape}.")
        if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and not np.array_equal(array, np.rint(array))):
            raise ValueError(
                f"{name} must be whole numbers; got {array.dtype} such as {array.flat[0]!r}. "
                "Logits become ids by argmax, probabilities become labels by thresholds."
            )
        highest = 1 if multi_label else classes - 1
        wrong = np.argwhere((array < 0) | (array > highest))
        if len(wrong):
            row = int(wrong[0, 0])
            raise ValueError(
                f"{name} must be from 0 to {highest}; row {row} holds {array[tuple(wrong[0])]} "
                f"({len(wrong)} such values)."
            )
    checked, truth = (array.astype(np.int64) for array in arrays.values())
    if checked.shape != truth.shape:
        raise ValueError(f"Got {len(checked)} predictions for {len(truth)} references; they must be as many.")
    return checked, truth
