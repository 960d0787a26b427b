"""Diagnose the labels: rows whose label a model that has not seen them doubts most."""

from collections.abc import Iterator
from typing import Any

from nlp_transfer.reporting.diagnosis.rows import DiagnosisData, label_text
from nlp_transfer.tasks.blocks import Section, Table, Text

LISTED = 20
"""Number of rows in the page; label_errors.jsonl has all."""

TEXT_CHARACTERS = 160
"""Characters of a text that are shown."""


def labels(data: DiagnosisData) -> Section:
    """Return the section on labels that may be wrong."""
    found, rows, probe = data.label_errors, list(label_rows(data))[:LISTED], data.probes[data.best_layer]
    total = len(data.source.ids)
    shown = data.experiment.report_examples > 0
    how = (
        f"Some {found.count:,} of {total:,} labels look wrong ({found.count / total:.1%}) to linear models on layer "
        f"{data.best_layer} of the frozen encoder (macro-F1 {probe.macro_f1:.3f}), each of which "
        "has seen neither the row nor its near-duplicates. A hard text looks the same as a wrong label, and of a weak "
        "encoder most are hard: the most doubtful come first, look before you change one."
        + ("" if shown else " report_examples: 1 shows their texts.")
    )
    columns = ["id", "split", "label", "looks like", *(["text"] if shown else []), "quality"]
    cells = [
        [str(row["id"]), row["split"], row["label"], row["looks_like"]]
        + ([row["text"]] if shown else [])
        + [f"{row['quality']:.3f}"]
        for row in rows
    ]
    return Section("Labels", (Text(how), Table("Doubtful labels", columns, cells, names=5 if shown else 4)))


def label_rows(data: DiagnosisData) -> Iterator[dict[str, Any]]:
    """Yield every labelled row of the source, the most doubtful label first; with its text if the report shows any."""
    found, rows, names = data.label_errors, data.source, data.task.label_names
    assert rows.labels is not None
    probabilities = data.probes[data.best_layer].probabilities
    chosen = probabilities.argmax(axis=1) if rows.labels.ndim == 1 else (probabilities >= 0.5).astype(int)
    for place in found.order.tolist():
        text = " ".join(rows.texts[place].split())[:TEXT_CHARACTERS]
        yield {
            "id": rows.ids[place],
            "split": str(rows.splits[place]),
            "label": label_text(names, rows.labels[place]),
            "looks_like": label_text(names, chosen[place]),
            "quality": round(float(found.quality[place]), 6),
            **({"text": text} if data.experiment.report_examples else {}),
        }
