"""The section about the corpora."""

from nlp_transfer.reporting.sections.corpora import corpora
from nlp_transfer.tasks.blocks import Section, Text
from tests.reporting.sections.reports import small_report


def test_rows_fingerprint_and_notes():
    assert corpora(small_report()) == Section(
        "Corpora",
        (
            Text("**source**: a \\*folder\\*"),
            Text("- rows: train 1,200, test 4\n- fingerprint: `f00d`\n- 2 dropped"),
        ),
    )
