"""Negative transfer: compare an adapted model with a source-only model on the same target texts.

A warning is given if InfoMax (metrics/model_selection.py) is below the source-only model's, and a third model of
another kind, such as an SVM on TF-IDF features, agrees more often with the source-only model where the two differ.
Entropy and density do not vote, because a model that predicts one class for everything is best by both.
"""

from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.bootstrap import bootstrap_difference
from nlp_transfer.metrics.model_selection import infomax, mean_entropy, soft_neighborhood_density
from nlp_transfer.metrics.table import classification_metrics

ADAPTED = "adapted"
"""Name of the model that adapted."""

SOURCE_ONLY = "source_only"
"""Name of the system in tables, and of its run's folder inside the adapting run's."""

CEILING = "ceiling"
"""Name of the system that learned from the target's labels, and of its run's folder inside the adapting run's."""

_MAX_NEIGHBOURS = 2000  # maximum number of rows that are compared with each other
_VOTE = "target_infomax"  # score that decides on a warning, with the third model
_TOLERANCE = 0.02  # relative change of the source-only model's score that counts as a loss or a gain
_RIGHT = {False: "seven", True: "eight"}  # warnings of ten, without and with a third model (configs/README.md)
_MIN_DIFFERENCE = 0.005  # minimum absolute change in nats, so that two models that predict one class are equal


@dataclass(frozen=True)
class Agreement:
    """Hold with which model a third one agrees on the predictions in which two models differ.

    Args:
        changed: number of predictions in which they differ: of texts, or of the labels of texts.
        adapted: number of these in which the third predicts as the adapted model.
        source_only: as the source-only model.
    """

    changed: int
    adapted: int
    source_only: int

    @classmethod
    def of(cls, adapted: np.ndarray, source_only: np.ndarray, third: np.ndarray) -> "Agreement":
        """Compare predicted class ids, shape (rows,), or zeros and ones, shape (rows, classes).

        Example:
            >>> Agreement.of(np.array([0, 1, 1, 2]), np.array([0, 0, 0, 0]), np.array([1, 1, 0, 1]))
            Agreement(changed=3, adapted=1, source_only=1)
        """
        differ = adapted != source_only
        return cls(*(int(one.sum()) for one in (differ, differ & (third == adapted), differ & (third == source_only))))

    @property
    def sentence(self) -> str:
        """Return the counts."""
        if not self.changed:
            return "is not needed: the two predict the same"
        return (
            f"agrees with the model that adapted on {self.adapted:,} and with the source-only one on "
            f"{self.source_only:,} of the {self.changed:,} predictions in which they differ"
        )


@dataclass(frozen=True)
class NegativeTransferTest:
    """Scores of an adapted and a source-only model on the target's texts.

    Args:
        scores: by name: (of the adapted model, of the source-only model).
        agreement: of a third model with both; None without one.
        macro_f1: the same as `scores` by labels; None without target labels.
        difference: 95 % interval of the macro-F1's difference over rows; None without target labels.
    """

    scores: dict[str, tuple[float, float]]
    agreement: Agreement | None = None
    macro_f1: tuple[float, float] | None = None
    difference: tuple[float, float] | None = None

    @property
    def gain(self) -> float:
        """Return the relative gain over the source-only model's InfoMax; 0 within the tolerances."""
        adapted, source_only = self.scores[_VOTE]
        gain = (adapted - source_only) / max(abs(source_only), 1e-6)
        return gain if abs(gain) > _TOLERANCE and abs(adapted - source_only) > _MIN_DIFFERENCE else 0.0

    @property
    def preferred(self) -> str | None:
        """Return `adapted` or `source_only`, the model that seems better without labels; None if neither does."""
        votes = 0 if self.agreement is None else self.agreement.adapted - self.agreement.source_only
        if self.gain == 0 or (self.agreement is not None and self.gain * votes <= 0):
            return None
        return ADAPTED if self.gain > 0 else SOURCE_ONLY

    @property
    def warns(self) -> bool:
        """Return True if the source-only model seems better."""
        return self.preferred == SOURCE_ONLY

    def warning(self, model: str) -> str:
        """Return the warning."""
        adapted, source_only = self.scores[_VOTE]
        third = "" if self.agreement is None else f", and a third model {self.agreement.sentence}"
        return (
            f"Adaptation looks worse than training on the source alone: {_VOTE} {adapted:.4f} against "
            f"{source_only:.4f}{third}. Of such warnings on review domains {_RIGHT[self.agreement is not None]} of ten "
            "were right where classes were as frequent as in the source, and half where they were not. Compare their "
            f"predictions before you use the model; the source-only one is {model}. A smaller weight of the method, or "
            "a larger share of the source in joint, adapts less."
        )


def closed_share(score: float, source_only: float, ceiling: float) -> float | None:
    """Return the share of the gap between a source-only model and the ceiling that a model closes.

    None where the ceiling is not above the source-only model.

    Example:
        >>> closed_share(0.88, source_only=0.86, ceiling=0.94)
        0.25
    """
    gap = ceiling - source_only
    return round((score - source_only) / gap, 4) if gap > 0 else None


def compare(
    adapted: np.ndarray,
    source_only: np.ndarray,
    *,
    multi_label: bool,
    third: np.ndarray | None = None,
    predicted: tuple[np.ndarray, np.ndarray] | None = None,
    labels: np.ndarray | None = None,
) -> NegativeTransferTest:
    """Compare two models by their predictions on the same rows.

    Args:
        adapted: probabilities of the adapted model, shape (rows, classes).
        source_only: of the source-only model, the same shape.
        third: class ids that a third model predicts, shape (rows,), or zeros and ones, shape (rows, classes); None
            without one.
        predicted: class ids of both models, shape (labelled rows,), or zeros and ones, shape (labelled rows, classes);
            used with labels only.
        labels: the true ones, of the same shape; None if unknown.

    Example:
        >>> compare(np.eye(2), np.full((2, 2), 0.5), multi_label=False).warns
        False
    """
    rows = np.linspace(0, len(adapted) - 1, min(len(adapted), _MAX_NEIGHBOURS)).round().astype(int)
    scores = {
        "target_entropy": tuple(mean_entropy(side, multi_label=multi_label) for side in (adapted, source_only)),
        "target_infomax": tuple(infomax(side, multi_label=multi_label) for side in (adapted, source_only)),
    }
    if len(rows) >= 3:
        scores["target_density"] = tuple(soft_neighborhood_density(side[rows]) for side in (adapted, source_only))
    pairs = {name: (pair[0], pair[1]) for name, pair in scores.items()}
    agreement = None
    if third is not None:
        chosen = [side >= 0.5 if multi_label else side.argmax(axis=1) for side in (adapted, source_only)]
        agreement = Agreement.of(chosen[0], chosen[1], third)
    if labels is None or predicted is None:
        return NegativeTransferTest(pairs, agreement)
    names = [str(i) for i in range(adapted.shape[1])]
    ours, theirs = predicted
    scored = [
        classification_metrics(side, labels, names, multi_label=multi_label, interval=False) for side in predicted
    ]
    difference = bootstrap_difference(ours, theirs, labels, "macro_f1")
    return NegativeTransferTest(pairs, agreement, (scored[0]["macro_f1"], scored[1]["macro_f1"]), difference)
