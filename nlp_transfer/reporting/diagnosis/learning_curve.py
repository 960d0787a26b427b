"""Diagnose the number of labels: what more of them would bring.

Probes learn from a quarter, a half and all of the labelled texts. Each doubling brings less than the one before:

    gain of the next = 0.7 times the mean gain of the last two

and of k more labels beside n, log2(1 + k / n) times that. A power law with three parameters, fitted to as few points,
is further off (configs/README.md).
"""

import math

import numpy as np

from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData, decide, held_out_logits
from nlp_transfer.tasks.blocks import Section, Table, Text

SHARES = (0.25, 0.5, 1.0)
"""Shares of the labelled texts, each twice the one before."""

DRAWS = 3
"""Number of random draws of each share."""

RATIO = 0.7
"""Gain of the next doubling, relative to the mean of the last two."""

HALF_WIDTH = 0.03
"""Half of the width of the 90 % interval of that gain, in accuracy."""

MIN_LABELS = 120
"""Number of labelled texts below which a curve says nothing."""

MORE = (100, 200, 500, 1000, 5000)
"""Numbers of further labels to name, up to as many as there are."""


def learning_curve(data: DiagnosisData) -> Section:
    """Return the section on the gain of more labels; of several labels a text, the curve alone."""
    labels = data.source.labels
    assert labels is not None
    count = len(labels)
    if count < MIN_LABELS:
        few = f"{count} labelled texts are too few to say what more would bring; {MIN_LABELS} are needed."
        return Section("More labels", (Text(few),))
    scores = {share: _scores(data, share) for share in SHARES}
    rows = [
        [f"{share * count:,.0f}", f"{values[0].mean():.3f}", f"{values[1].mean():.3f}", f"{values[1].std(ddof=1):.3f}"]
        for share, values in scores.items()
    ]
    curve = Table("Labels and scores", ["labelled texts", "accuracy", "macro-F1", "its deviation over draws"], rows)
    how = (
        f"A linear probe on layer {data.best_layer} learns from shares of the {count:,} labelled texts; by cross-"
        "validation, so that it sees four fifths of each. Training of all weights may gain more from further labels."
    )
    if data.task.multi_label:
        return Section("More labels", (Text(f"{how} Accuracy: all labels of a text are right."), curve))
    if data.sampled:
        return Section("More labels", (Text(f"{how} What more of them bring is told from all: --rows null."), curve))
    doubling = expected_gain([scores[share][0].mean() for share in SHARES])
    further = [more for more in MORE if more < count] + [count]
    gains = [
        [f"{more:,}", *(f"{100 * gain * math.log2(1 + more / count):+.1f}" for gain in doubling)] for more in further
    ]
    expected = Table("Expected gain", ["more labelled texts", "points of accuracy", "90 %: from", "to"], gains)
    return Section("More labels", (Text(how), curve, expected))


def expected_gain(scores: list[float]) -> tuple[float, float, float]:
    """Return the gain of twice as many labels, and its 90 % interval.

    Args:
        scores: accuracy by a quarter, a half and all of the labels.

    Example:
        >>> [round(value, 3) for value in expected_gain([0.6, 0.7, 0.75])]
        [0.053, 0.023, 0.083]
    """
    gain = RATIO * max(0.0, (scores[-1] - scores[0]) / 2)
    return gain, max(0.0, gain - HALF_WIDTH), gain + HALF_WIDTH


def _scores(data: DiagnosisData, share: float) -> np.ndarray:
    """Return accuracy and macro-F1 of each draw, shape (2, draws)."""
    labels, task, layer = data.source.labels, data.task, data.best_layer
    assert labels is not None
    found = []
    for draw in range(DRAWS):
        rng, folds = np.random.default_rng(draw), data.folds_of(np.arange(len(labels)), draw)
        some = [(rng.permutation(train)[: max(2, round(share * len(train)))], held) for train, held in folds]
        (logits,) = held_out_logits(data.source.features[layer], labels, some, task, [data.probes[layer].l2])
        predicted = decide(task.probabilities(logits.numpy()), multi_label=task.multi_label)
        scores = classification_metrics(predicted, labels, task.label_names, multi_label=task.multi_label)
        right = (predicted == labels).reshape(len(labels), -1).all(axis=1)
        found.append([float(right.mean()), float(scores["macro_f1"])])
    return np.array(found).T
