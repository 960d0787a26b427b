"""Lengths by split, damaged texts, and words in pieces."""

from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.texts import DAMAGED, texts
from nlp_transfer.tasks.blocks import Table, Text


def test_a_row_for_each_split(data: DiagnosisData) -> None:
    section = texts(data)
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert [row[:3] for row in table.rows] == [
        ["source", "train", "90"],
        ["source", "validation", "18"],
        ["source", "test", "24"],
        ["target", "test", "60"],
    ]
    assert table.rows[0][-2:] == ["0%", "100.0%"]
    (damaged,) = [block.markdown for block in section.blocks if isinstance(block, Text) and "decoded" in block.markdown]
    assert damaged == "1 texts of the source look wrongly decoded, such as those of id row0-5."


def test_damaged_texts() -> None:
    assert all(DAMAGED.search(text) for text in ("caf\u00c3\u00a9", "it\u00e2\u20ac\u2122s", "a \ufffd"))
    assert not any(DAMAGED.search(text) for text in ("café", "it’s", "Ã la carte", "Âge"))
