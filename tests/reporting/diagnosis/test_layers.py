"""A row for each layer, and the best one."""

from nlp_transfer.metrics.transferability import log_evidence
from nlp_transfer.reporting.diagnosis.layers import layers
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Table, Text


def test_layers(data: DiagnosisData) -> None:
    text, table = layers(data).blocks
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert f"Best: layer {data.best_layer}." in text.markdown
    assert [row[0] for row in table.rows] == ["1", "2", "3"]
    assert data.source.labels is not None
    first = log_evidence(data.source.features[1], data.source.labels)
    assert table.rows[0][1:4] == [f"{data.probes[1].macro_f1:.3f}", f"{data.probes[1].loss:.3f}", f"{first:.4f}"]
