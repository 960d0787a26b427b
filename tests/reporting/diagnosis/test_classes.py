"""Rows of each class in each split, and a warning of rare ones."""

from nlp_transfer.reporting.diagnosis.classes import classes
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Alert, Table


def test_counts_by_split(data: DiagnosisData) -> None:
    table, *others = classes(data).blocks
    assert isinstance(table, Table)
    assert table.columns == ["class", "source train", "source validation", "source test", "target test"]
    assert [row[0] for row in table.rows] == ["copyleft", "permissive", "public"]
    assert sum(int(row[1]) for row in table.rows) == 90
    assert [row[2] for row in table.rows] == ["6", "6", "6"]
    few = [name for name, count, *_ in table.rows if int(count) < 30]
    assert others == ([Alert(f"Fewer than 30 training rows are of {', '.join(few)}: label more of them first.")])
