"""Diagnose label shift: how frequent each class seems to be in the target, without its labels."""

import numpy as np

from nlp_transfer.metrics.label_shift import estimate_label_shift
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Section, Table, Text


def label_shift(data: DiagnosisData) -> Section | None:
    """Return the section on class frequencies; None without a target, or of several labels a text."""
    target, labels, task = data.target, data.source.labels, data.task
    if target is None or labels is None or task.multi_label:
        return None
    probe = data.probes[data.best_layer]
    there = probe.logits(target.features[data.best_layer])
    shift = estimate_label_shift(np.log(np.maximum(probe.probabilities, 1e-12)), labels, there)
    if not shift.above_chance:
        return None
    rows = [
        [name, f"{source:.1%}", f"{share:.1%}", f"{low:.1%} to {high:.1%}"]
        for name, source, share, (low, high) in zip(
            task.label_names, shift.source, shift.target, shift.interval, strict=True
        )
    ]
    columns = ["class", "source", "target, estimated", "95 %"]
    if target.labels is not None:
        true = np.bincount(target.labels, minlength=len(rows)) / len(target.labels)
        rows = [[*row, f"{share:.1%}"] for row, share in zip(rows, true, strict=True)]
        columns.append("by its labels")
    how = (
        "The share of each class, of the target without its labels, by the probe on the best layer. It holds where "
        "texts of one class look alike in both domains. If shares differ, set prior_correction: true."
    )
    return Section("Label shift", (Text(how), Table("Class frequencies", columns, rows)))
