"""Near-duplicates across splits, and with other labels."""

from nlp_transfer.reporting.diagnosis.duplicates import duplicates
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Alert, Table, Text


def test_a_copy_in_test_is_found_with_its_label(data: DiagnosisData) -> None:
    blocks = duplicates(data).blocks
    (table,) = [block for block in blocks if isinstance(block, Table)]
    by_split = {row[0]: row[3] for row in table.rows}
    assert by_split == {
        "source train": "",
        "source validation": "0 (0.0%)",
        "source test": "1 (4.2%)",
        "target test": "0 (0.0%)",
    }
    (text,) = [block.markdown for block in blocks if isinstance(block, Text) and "different labels" in block.markdown]
    assert text.startswith("1 groups of near-duplicates have different labels, such as row0-")
    assert "row2-0 (public)" in text
    (alert,) = [block for block in blocks if isinstance(block, Alert)]
    assert alert.text.startswith("1 texts of other source splits are near-duplicates of training texts")
