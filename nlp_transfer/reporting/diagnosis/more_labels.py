"""Diagnose the number of labels: what more of them would bring."""

import math

from nlp_transfer.reporting.diagnosis.learning_curve import MIN_LABELS
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Section, Table, Text

MORE = (100, 200, 500, 1000, 5000)
"""Numbers of further labels to name, up to as many as there are."""


def more_labels(data: DiagnosisData) -> Section:
    """Return the section on the gain of more labels; of several labels a text, the curve alone."""
    curve, count = data.curve, len(data.source.ids)
    if curve is None:
        few = f"{count} labelled texts are too few to say what more would bring; {MIN_LABELS} are needed."
        return Section("More labels", (Text(few),))
    rows = [
        [f"{texts:,}", f"{accuracy.mean():.3f}", f"{macro_f1.mean():.3f}", f"{macro_f1.std(ddof=1):.3f}"]
        for texts, accuracy, macro_f1 in zip(*curve, strict=True)
    ]
    columns = ["labelled texts", "accuracy", "macro-F1", "its deviation over draws"]
    scores = Table("Labels and scores", columns, rows)
    how = (
        f"A linear probe on layer {data.best_layer} learns from shares of the {count:,} labelled texts; by cross-"
        "validation, so that it sees four fifths of each. Training of all weights may gain more from further labels."
    )
    if data.gain is None:
        several, sample = "Accuracy: all labels of a text are right.", "What more bring is told from all: --rows null."
        return Section("More labels", (Text(f"{how} {several if data.task.multi_label else sample}"), scores))
    further = [more for more in MORE if more < count] + [count]
    gains = [
        [f"{more:,}", *(f"{100 * gain * math.log2(1 + more / count):+.1f}" for gain in data.gain)] for more in further
    ]
    expected = Table("Expected gain", ["more labelled texts", "points of accuracy", "90 %: from", "to"], gains)
    return Section("More labels", (Text(how), scores, expected))
