"""Estimate how accurate linear probes of a source are on a target, without its labels.

The best layer's probe predicts. The confidence is the mean probability over layers that its class has, and the other
models are the probes of the other layers: layers that disagree are a sign of error where one of them is sure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nlp_transfer.metrics.unlabeled_accuracy import AccuracyEstimate, Evidence, estimate_accuracy
from nlp_transfer.reporting.diagnosis.probes import Probe, best_layer
from nlp_transfer.tasks.base import FittedTask


@dataclass(frozen=True)
class TargetAccuracy:
    """Hold the accuracy of the best layer's probe.

    Args:
        source: on the source, by cross-validation.
        estimate: on the target, without its labels.
        bound: the largest that is possible on the target if its classes are as frequent as those of the source: of a
            class that is predicted more often than it is there, the predictions in excess are wrong.
        true: on the target, by its labels; None without.
    """

    source: float
    estimate: AccuracyEstimate
    bound: float
    true: float | None


def target_accuracy(
    probes: Mapping[int, Probe],
    labels: np.ndarray,
    target: Mapping[int, np.ndarray],
    target_labels: np.ndarray | None,
    task: FittedTask,
) -> TargetAccuracy:
    """Return the accuracy of the probes on a target.

    Args:
        labels: those of the source, shape (rows,).
        target: features of each layer, shape (target rows, hidden).
        target_labels: for comparison alone, shape (target rows,); None without.
    """
    best = best_layer(probes)
    here = {layer: probe.probabilities for layer, probe in probes.items()}
    there = {layer: task.probabilities(probe.logits(target[layer])) for layer, probe in probes.items()}
    right = here[best].argmax(axis=1) == labels
    estimate = estimate_accuracy(right, evidence(here, best), evidence(there, best))
    predicted = there[best].argmax(axis=1)
    true = None if target_labels is None else float(np.mean(predicted == target_labels))
    return TargetAccuracy(float(right.mean()), estimate, largest_accuracy(predicted, labels), true)


def largest_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the largest accuracy of predicted classes that are in truth as frequent as in `labels`.

    Example:
        >>> largest_accuracy(np.array([0, 0, 0, 1]), np.array([0, 1]))
        0.75
    """
    classes = 1 + int(max(predicted.max(), labels.max()))
    here, there = (np.bincount(ids, minlength=classes) / len(ids) for ids in (labels, predicted))
    return float(np.minimum(here, there).sum())


def evidence(probabilities: Mapping[int, np.ndarray], best: int) -> Evidence:
    """Return how sure the predictions of the best layer are: the mean probability over layers, and their agreement.

    Args:
        probabilities: of each layer, shape (rows, classes).

    Example:
        >>> evidence({1: np.array([[0.2, 0.8]]), 2: np.array([[0.9, 0.1]])}, best=2)
        Evidence(confidence=array([0.55]), agreement=array([0.]))
    """
    chosen = probabilities[best].argmax(axis=1)
    confidence = np.mean(list(probabilities.values()), axis=0)[np.arange(len(chosen)), chosen]
    others = [values.argmax(axis=1) == chosen for layer, values in probabilities.items() if layer != best]
    return Evidence(confidence, np.mean(others, axis=0) if others else np.ones(len(chosen)))


def describe_estimate(estimate: AccuracyEstimate) -> str:
    """Return an estimate with its interval.

    Example:
        >>> describe_estimate(AccuracyEstimate(0.8, 0.75, 0.85))
        '0.800 (0.750–0.850)'
    """
    return f"{estimate.accuracy:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"
