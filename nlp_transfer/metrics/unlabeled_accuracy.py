"""Estimate accuracy on texts without labels: the mean of two estimates.

- Average thresholded confidence: the threshold is the confidence above which as many known texts lie as are right; the
  estimate is the share of the unlabelled texts above it.
  Reference: Garg et al. (2022), https://arxiv.org/abs/2201.04234
- The accuracy on the known texts, plus the change in how often other models agree with the prediction.
  Reference: Baek et al. (2022), https://arxiv.org/abs/2206.13089

Both hold where the classes look alike in both domains: a class that is new, or that means another thing, is not seen.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES

SHIFT_DEVIATION = 0.02
"""Standard deviation of the error that is left with any number of texts (configs/README.md)."""


@dataclass(frozen=True)
class AccuracyEstimate:
    """Hold an estimated accuracy and its 95 % interval, for the draws of both sets of texts and `SHIFT_DEVIATION`."""

    accuracy: float
    low: float
    high: float


class Evidence(NamedTuple):
    """Hold how sure the predictions of texts are.

    Args:
        confidence: shape (texts,).
        agreement: share of other models that predict the same, shape (texts,).
    """

    confidence: np.ndarray
    agreement: np.ndarray

    def at(self, rows: np.ndarray) -> "Evidence":
        """Return the evidence of some texts."""
        return Evidence(self.confidence[rows], self.agreement[rows])


def estimate_accuracy(right: np.ndarray, known: Evidence, unlabeled: Evidence, *, seed: int = 0) -> AccuracyEstimate:
    """Return the estimated accuracy on unlabelled texts.

    Args:
        right: whether each known text is predicted right, by a model that has not seen it, shape (known,).
        known: of these predictions.
        unlabeled: of the predictions of the unlabelled texts.

    Example:
        >>> confidence = np.linspace(0.5, 1, 11)
        >>> known, unlabeled = Evidence(confidence, np.full(11, 0.9)), Evidence(confidence, np.full(11, 0.8))
        >>> estimate_accuracy(confidence > 0.7, known, unlabeled).accuracy
        0.4954...
    """
    if not (len(known.confidence) and len(unlabeled.confidence) and len(right) == len(known.confidence)):
        counts = f"{len(known.confidence)} and {len(unlabeled.confidence)}"
        raise ValueError(f"An estimate needs known texts and others; got {counts}.")
    rng, right = np.random.default_rng(seed), right.astype(bool)
    samples = []
    for _ in range(BOOTSTRAP_SAMPLES):
        rows = rng.integers(len(right), size=len(right))
        others = rng.integers(len(unlabeled.confidence), size=len(unlabeled.confidence))
        samples.append(_estimate(right[rows], known.at(rows), unlabeled.at(others)))
    accuracy, half = _estimate(right, known, unlabeled), 1.96 * np.hypot(np.std(samples), SHIFT_DEVIATION)
    return AccuracyEstimate(accuracy, float(max(0.0, accuracy - half)), float(min(1.0, accuracy + half)))


def _estimate(right: np.ndarray, known: Evidence, unlabeled: Evidence) -> float:
    wrong = int((~right).sum())
    # As many known texts lie below the threshold as are wrong.
    ordered = np.sort(known.confidence)
    threshold = ordered[wrong] if wrong < len(ordered) else np.inf
    above = float((unlabeled.confidence >= threshold).mean())
    changed = float(right.mean() + unlabeled.agreement.mean() - known.agreement.mean())
    return (above + min(1.0, max(0.0, changed))) / 2
