"""The prediction of a classifier for one row."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

WINDOWS_TYPE = pa.list_(
    pa.struct(
        {
            "class": pa.string(),
            "start": pa.int64(),
            "end": pa.int64(),
            "weight": pa.float64(),
            "contribution": pa.float64(),
            "probability": pa.float64(),
        }
    )
)
"""The type of the column of deciding windows."""


@dataclass(frozen=True)
class ClassPrediction:
    """The predicted class of one text.

    Args:
        predicted: the name of the class; for multi-label of all labels that reach their thresholds.
        probabilities: by class name, in the order of the classes, or the most probable first.
        decision: `predict`, or `abstain` where the model is not sure enough; None if it never abstains.
        set: the possible classes; None without sets.
        expected_cost: of the prediction; None without costs.
        windows: the windows of a long document that decided, the most important first: for each predicted class the
            characters `start` to `end`, the `weight` of the window's logit in that of the document, its `contribution`
            to the class's logit over the mean of the classes (several labels: to the label's logit), and the class's
            `probability` in this window alone; None if not asked for.

    Example:
        >>> ClassPrediction(3, "red", {"red": 0.75, "blue": 0.25}).row()
        {'id': 3, 'predicted': 'red', 'probabilities': {'red': 0.75, 'blue': 0.25}}
    """

    id: Any
    predicted: str | list[str]
    probabilities: dict[str, float]
    decision: str | None = None
    set: list[str] | None = None
    expected_cost: float | None = None
    windows: list[dict[str, Any]] | None = None

    def row(self) -> dict[str, Any]:
        """Return the prediction as JSON holds it, with probabilities rounded to 6 decimals."""
        known = {name: value for name, value in vars(self).items() if value is not None and name != "probabilities"}
        return {**known, "probabilities": {name: round(p, 6) for name, p in self.probabilities.items()}}
