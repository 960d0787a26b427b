"""Diagnose the encoder: what each of its layers knows of the labels, before any training."""

import numpy as np

from nlp_transfer.metrics.transferability import h_score, log_evidence
from nlp_transfer.reporting.diagnosis.probes import FOLDS
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Section, Table, Text


def evidence_text(features: np.ndarray, labels: np.ndarray) -> str:
    """Return LogME; a dash of several labels a text, whose rarest ones, all but constant, would be all of it."""
    return "–" if labels.ndim == 2 else f"{log_evidence(features, labels):.4f}"


def layers(data: DiagnosisData) -> Section:
    """Return the section on the layers of the frozen encoder."""
    rows = data.source
    assert rows.labels is not None
    cells = [
        [
            str(layer),
            f"{probe.macro_f1:.3f}",
            f"{probe.loss:.3f}",
            evidence_text(rows.features[layer], rows.labels),
            f"{h_score(rows.features[layer], rows.labels):.3f}",
        ]
        for layer, probe in data.probes.items()
    ]
    how = (
        f"A linear probe on the mean of each layer of {data.prepared.loaded.origin}, by {FOLDS} folds over all "
        f"labelled rows of the source. LogME and H-score are larger where it will do better. Best: layer "
        f"{data.best_layer}."
    )
    return Section("Encoder", (Text(how), Table("Encoder", ["layer", "macro-F1", "loss", "LogME", "H-score"], cells)))
