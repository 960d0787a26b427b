"""Negative transfer: compare an adapted model with the source-only one on the same target texts.

The run warns where the mutual information of texts and predicted classes (InfoMax, metrics/model_selection.py) is lower
than the source-only model's: the model became less sure, or calls too much one class. Entropy and soft neighbourhood
density are shown and do not count: a model that calls everything one class is the best by both. Adaptation makes a
model surer of the target by its nature, so that no warning proves little. Where the report has target labels, it names
the model that they prefer, if they do.
"""

from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.bootstrap import bootstrap_difference
from nlp_transfer.metrics.classification import classification_metrics
from nlp_transfer.metrics.model_selection import infomax, mean_entropy, soft_neighborhood_density

SOURCE_ONLY = "source_only"
"""The system's name in tables, and the folder of its run inside the adapting run's."""

ADAPTED = "the model that adapted"

ALONE = "source-only"

SURER = f"{ADAPTED}, which proves little: adapting makes a model surer"

MAX_NEIGHBOURS = 2000
"""Rows whose neighbours are compared, each with each."""

VOTE = "target_infomax"
"""The score that warns."""

TOLERANCE = 0.02
"""Share of the source-only model's score that must be lost for a warning, or gained for a gain."""

MIN_DIFFERENCE = 0.005
"""Nats that differ at least where that is so: of two models that call everything one class neither is preferred."""


@dataclass(frozen=True)
class NegativeTransferTest:
    """Two models on the target's texts.

    Args:
        scores: by score: (of the model that adapted, of the source-only model).
        macro_f1: the same by the labels; None where the target has none.
        difference: 95 % interval, over rows, of how much better by them the model that adapted is; None as before.
    """

    scores: dict[str, tuple[float, float]]
    macro_f1: tuple[float, float] | None = None
    difference: tuple[float, float] | None = None

    @property
    def gain(self) -> float:
        """By how much of the source-only model's score the model that adapted is above it; 0 within the tolerances."""
        adapted, alone = self.scores[VOTE]
        gain = (adapted - alone) / max(abs(alone), 1e-6)
        return gain if abs(gain) > TOLERANCE and abs(adapted - alone) > MIN_DIFFERENCE else 0.0

    @property
    def warns(self) -> bool:
        """True if the source-only model seems better."""
        return self.gain < 0

    def facts(self) -> dict[str, str]:
        """For the report."""
        preferred = "neither" if not self.gain else f"{ALONE} (a warning was given)" if self.warns else SURER
        found = {
            name: f"{adapted:.4f} adapted, {alone:.4f} source-only" for name, (adapted, alone) in self.scores.items()
        }
        found["preferred without labels"] = preferred
        if self.macro_f1 is not None and self.difference is not None:
            (adapted, alone), (low, high) = self.macro_f1, self.difference
            better = ADAPTED if low > 0 else ALONE if high < 0 else "neither for sure"
            values = f"macro-F1 {adapted:.3f} adapted, {alone:.3f} source-only"
            interval = f"difference {adapted - alone:+.3f}, 95 % over rows {low:+.3f} to {high:+.3f}"
            found["preferred by the labels"] = f"{better} ({values}; {interval})"
            if self.warns:
                verdict = {ADAPTED: "wrong", ALONE: "right"}.get(better, "neither right nor wrong for sure")
                found["the warning"] = f"{verdict}, by the labels"
        return found

    def warning(self, model: str) -> str:
        """Describe the comparison.

        Args:
            model: where the source-only one is.
        """
        adapted, alone = self.scores[VOTE]
        return (
            f"Adaptation looks worse than training on the source alone: {VOTE} {adapted:.4f} against {alone:.4f}. "
            f"Compare their predictions before you use the model; the source-only one is {model}. A smaller "
            "weight of the method, or a larger share of the source in joint, adapts less."
        )


def compare(
    adapted: np.ndarray,
    alone: np.ndarray,
    *,
    multi_label: bool,
    predicted: tuple[np.ndarray, np.ndarray] | None = None,
    labels: np.ndarray | None = None,
) -> NegativeTransferTest:
    """Compare two models by what they say of the same rows.

    Args:
        adapted: probabilities of the model that adapted, shape (rows, classes).
        alone: of the source-only model, the same shape.
        multi_label: whether each column is a probability of its own.
        predicted: both models' class ids, shape (labelled rows,), or zeros and ones, shape (labelled rows, classes);
            used with labels alone.
        labels: the truth of the same shape, where it is known.
    """
    rows = np.linspace(0, len(adapted) - 1, min(len(adapted), MAX_NEIGHBOURS)).round().astype(int)
    scores = {
        "target_entropy": tuple(mean_entropy(side, multi_label=multi_label) for side in (adapted, alone)),
        "target_infomax": tuple(infomax(side, multi_label=multi_label) for side in (adapted, alone)),
    }
    if len(rows) >= 3:
        scores["target_density"] = tuple(soft_neighborhood_density(side[rows]) for side in (adapted, alone))
    pairs = {name: (pair[0], pair[1]) for name, pair in scores.items()}
    if labels is None or predicted is None:
        return NegativeTransferTest(pairs)
    names = [str(i) for i in range(adapted.shape[1])]
    ours, theirs = predicted
    scored = [
        classification_metrics(side, labels, names, multi_label=multi_label, bootstrap_samples=0) for side in predicted
    ]
    difference = bootstrap_difference(ours, theirs, labels, "macro_f1")
    return NegativeTransferTest(pairs, (scored[0]["macro_f1"], scored[1]["macro_f1"]), difference)
