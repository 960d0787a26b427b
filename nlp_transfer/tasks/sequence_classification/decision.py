"""Decide on the classes of texts by the logits of a classifier."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

ROW_KEYS = ("id", "split", "domain", "label", "predicted", "probabilities")
"""The keys of a line of predictions, in their order."""


class ClassDecision:
    """The decision of a task or a predictor that knows its classes.

    Attributes:
        label_names: the classes in the order of their ids.
        multi_label: whether a text may have any number of labels.
        thresholds: minimum probability of each predicted label, shape (classes,); multi-label only.
    """

    label_names: Sequence[str]
    multi_label: bool
    thresholds: np.ndarray

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the softmax of logits, for multi-label the sigmoid; float64, shape (rows, classes)."""
        from scipy.special import expit, softmax

        logits = np.asarray(logits, dtype=np.float64)
        return expit(logits) if self.multi_label else softmax(logits, axis=-1)

    def choose(self, probabilities: np.ndarray) -> np.ndarray:
        """Return class ids, shape (rows,); for multi-label 0 or 1, shape (rows, classes)."""
        if self.multi_label:
            return (probabilities >= self.thresholds).astype(int)
        return probabilities.argmax(axis=-1)

    def names_of(self, choice: Any) -> str | list[str]:
        """Return the name of a class id; for multi-label the names of a row of zeros and ones."""
        names = self.label_names
        return [names[i] for i in np.flatnonzero(choice).tolist()] if self.multi_label else names[int(choice)]

    def threshold_by_label(self) -> dict[str, float]:
        """Return the thresholds by label name; empty for single-label."""
        return dict(zip(self.label_names, self.thresholds.tolist(), strict=True)) if self.multi_label else {}

    def prediction_rows(
        self, ids: Iterable[str], references: np.ndarray | None, probabilities: np.ndarray
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of predictions, without `split` and `domain`; references are None without labels."""
        rows = zip(ids, self.choose(probabilities), probabilities.tolist(), strict=True)
        for place, (row_id, choice, row) in enumerate(rows):
            yield {
                "id": row_id,
                "label": None if references is None else self.names_of(references[place]),
                "predicted": self.names_of(choice),
                "probabilities": dict(zip(self.label_names, row, strict=True)),
            }
