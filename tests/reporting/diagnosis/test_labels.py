"""Wrong labels come first, and texts only where a report shows texts."""

from dataclasses import replace

from nlp_transfer.reporting.diagnosis.labels import LISTED, label_rows, labels
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Table
from tests.reporting.diagnosis.conftest import FLIPPED


def test_flipped_labels_are_among_the_first(data: DiagnosisData) -> None:
    rows = list(label_rows(data))
    assert len(rows) == 132
    assert {*FLIPPED, "row2-0"} <= {row["id"] for row in rows[:LISTED]}
    flipped = next(row for row in rows if row["id"] == FLIPPED[0])
    assert (flipped["label"], flipped["looks_like"], flipped["split"]) == ("public", "permissive", "train")
    assert "text" not in flipped


def test_the_table_shows_texts_where_it_is_asked_to(data: DiagnosisData) -> None:
    (table,) = [block for block in labels(data).blocks if isinstance(block, Table)]
    assert list(table.columns) == ["id", "split", "label", "looks like", "quality"]
    assert len(table.rows) == LISTED
    shown = DiagnosisData(replace(data.experiment, report_examples=1), data.prepared)  # type: ignore[type-var]
    vars(shown).update(source=data.source, probes=data.probes)
    (table,) = [block for block in labels(shown).blocks if isinstance(block, Table)]
    assert list(table.columns) == ["id", "split", "label", "looks like", "text", "quality"]
    first = next(label_rows(shown))
    assert first["text"] == data.source.texts[list(data.source.ids).index(first["id"])][:160]
    assert table.rows[0][:2] == [first["id"], first["split"]]
    assert table.rows[0][4] == first["text"]
