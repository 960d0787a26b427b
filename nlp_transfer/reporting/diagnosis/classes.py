"""Diagnose the classes: how many rows each has in each split."""

import numpy as np

from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table

FEW = 30
"""Rows of a class below which its score, and so the macro-F1, varies much by chance."""


def classes(data: DiagnosisData) -> Section:
    """Return the section on class balance."""
    names, columns, counts = data.task.label_names, [], []
    for domain, splits in data.prepared.data.encoded.items():
        for name, rows in splits.items():
            if "labels" in rows.column_names:
                labels = np.asarray(rows["labels"]).astype(int)
                counts.append(labels.sum(0) if labels.ndim == 2 else np.bincount(labels, minlength=len(names)))
                columns.append(f"{domain} {name}")
    rows_of = [[name, *(f"{count[place]:,}" for count in counts)] for place, name in enumerate(names)]
    blocks: list[Block] = [Table("Rows of each class", ["class", *columns], rows_of)]
    few = [name for place, name in enumerate(names) if counts[0][place] < FEW]
    if few:
        blocks.append(Alert(f"Fewer than {FEW} training rows are of {', '.join(few)}: label more of them first."))
    return Section("Classes", tuple(blocks))
