"""The base of classification metrics: an `evaluate.Metric` that needs no network and leaves nothing on disk.

`evaluate.load` fetches a script from the Hub and copies it into a cache; a subclass that is instantiated directly does
neither. Plain `evaluate.Metric` also makes a folder in the user's cache and writes every batch to a file there, which
processes that run side by side lock from one another: this one keeps its rows in memory.

    metric = PrecisionRecallF1(["permissive", "copyleft"], multi_label=False)
    metric.compute(predictions=[0, 1], references=[0, 0])
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import evaluate
import numpy as np
from datasets import Features, List, Value

from nlp_transfer.errors import DataError


class ClassificationMetric(evaluate.Metric, ABC):
    """Scores of hard predictions. A concrete metric defines `score` only.

    Raises:
        ValueError: label names that are not unique (they are the keys of the per-class scores), or none at all.
    """

    kinds: ClassVar[frozenset[bool]] = frozenset({False, True})
    """For which values of `multi_label` the metric is defined."""

    def __init__(self, label_names: Sequence[str], *, multi_label: bool) -> None:
        self.label_names = [str(name) for name in label_names]
        self.multi_label = multi_label
        if not self.label_names:
            raise ValueError("A classification metric needs the names of its classes; got none.")
        if len(set(self.label_names)) < len(self.label_names):
            twice = sorted({name for name in self.label_names if self.label_names.count(name) > 1})
            raise ValueError(f"Label names must be unique; more than once: {', '.join(twice)}.")
        super().__init__(keep_in_memory=True)

    @abstractmethod
    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, Any]:
        """Return plain numbers by name, from arrays of `check_rows`."""

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
        return self.score(*check_rows(predictions, references, len(self.label_names), multi_label=self.multi_label))


def check_rows(predictions: Any, references: Any, classes: int, *, multi_label: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions and references as int64 arrays that scikit-learn cannot misread.

    Args:
        predictions: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        references: the same for the truth.
        classes: how many classes there are.
        multi_label: which of the two shapes is meant.

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
                f"{name} must be whole numbers (class ids, or zeros and ones); got {array.dtype} such as "
                f"{array.flat[0]!r}. Logits become ids by argmax, probabilities become labels by thresholds."
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
