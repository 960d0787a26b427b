"""What a method chose and counted, in one line."""

import pytest

from nlp_transfer.reporting.sections.method import describe


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
