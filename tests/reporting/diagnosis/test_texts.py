"""Lengths by split, damaged texts, and words in pieces."""

from dataclasses import replace

from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.texts import DAMAGED, _languages, texts
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


def test_languages(data: DiagnosisData) -> None:
    german = "Der Nutzer darf die Software kopieren, wenn der Hinweis auf den Urheber in allen Kopien erhalten bleibt."
    english = "Permission is granted to any person who obtains a copy of this software to use it without restriction."
    own = replace(data.source, ids=["a", "b", "c", "d"], texts=[english, english, german, "short"])
    expected = "Language of the source: en in 2 of 4 texts; de in 1, such as id c; 1 cannot be told."
    assert _languages("source", own) == expected
    assert _languages("source", replace(own, texts=[english] * 4)) == "Language of the source: en in 4 of 4 texts."
    assert "too short" in _languages("target", replace(own, texts=["short"] * 4))
