"""Estimate accuracy on texts without labels by average thresholded confidence.

The threshold is the confidence above which as many known texts lie as are right; the estimate is the share of the
unlabelled texts above it. It holds where the classes look alike in both domains: a class that is new, or that means
another thing, is not seen.
Reference: Garg et al. (2022), https://arxiv.org/abs/2201.04234
"""

from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, percentile_interval


@dataclass(frozen=True)
class AccuracyEstimate:
    """Hold an estimated accuracy and its 95 % interval, which covers the draws of both sets of texts."""

    accuracy: float
    low: float
    high: float


def estimate_accuracy(
    right: np.ndarray, known: np.ndarray, unlabeled: np.ndarray, *, seed: int = 0
) -> AccuracyEstimate:
    """Return the estimated accuracy on unlabelled texts.

    Args:
        right: whether each known text is predicted right, by a model that has not seen it, shape (known,).
        known: confidence in these predictions, shape (known,).
        unlabeled: confidence in those of the unlabelled texts, shape (unlabeled,).

    Example:
        >>> confidence = np.linspace(0.5, 1, 11)
        >>> estimate_accuracy(confidence > 0.7, confidence, confidence).accuracy
        0.5454...
    """
    if not (len(known) and len(unlabeled) and len(right) == len(known)):
        raise ValueError(f"An estimate needs known texts and others; got {len(known)} and {len(unlabeled)}.")
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(BOOTSTRAP_SAMPLES):
        rows = rng.integers(len(known), size=len(known))
        others = rng.integers(len(unlabeled), size=len(unlabeled))
        samples.append(_estimate(right[rows], known[rows], unlabeled[others]))
    return AccuracyEstimate(_estimate(right, known, unlabeled), *percentile_interval(samples))


def _estimate(right: np.ndarray, known: np.ndarray, unlabeled: np.ndarray) -> float:
    wrong = int((~right.astype(bool)).sum())
    # As many known texts lie below the threshold as are wrong.
    ordered = np.sort(known)
    threshold = ordered[wrong] if wrong < len(ordered) else np.inf
    return float((unlabeled >= threshold).mean())
