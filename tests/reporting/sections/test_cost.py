"""The section about the cost."""

from nlp_transfer.reporting.sections.cost import cost
from nlp_transfer.tasks.blocks import Section, Text
from tests.reporting.sections.reports import small_report


def test_one_line_a_measure():
    lines = "- Parameters trained: 1 of 2 (50.00%)\n- Computed on: a machine"
    assert cost(small_report()) == Section("Cost", (Text(lines),))
