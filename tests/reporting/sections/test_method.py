"""What a method chose and counted, in one line."""

import pytest

from nlp_transfer.reporting.report import SearchSummary
from nlp_transfer.reporting.sections.method import describe, method
from tests.reporting.sections.reports import small_report


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": 1200, "b*": [0.123456789, True]}, "a: 1,200; b\\*: 0.123457, True"),
        ((), ""),
        ("x\ny", "x y"),
    ],
)
def test_values_of_all_kinds(value, text):
    assert describe(value) == text


def test_a_search_names_what_was_tried():
    search = SearchSummary(
        "macro_f1", {"methods.mmd.weight 0.1": 0.5, "methods.mmd.weight 1.0": 0.25}, "methods.mmd.weight 0.1"
    )
    _, lines = method(small_report(search=search, facts={"rows": 1200})).blocks
    assert lines.markdown == (
        "- chosen by macro_f1: methods.mmd.weight 0.1; tried: methods.mmd.weight 0.1 (0.5000), methods.mmd.weight 1.0 "
        "(0.2500)\n- rows: 1,200"
    )
