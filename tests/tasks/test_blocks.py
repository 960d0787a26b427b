"""Blocks and sections as values, and as JSON that gives them back."""

import json

import pytest

from nlp_transfer.tasks.blocks import Alert, Figure, Section, Table, Text, facts_section, section_of, section_record
from nlp_transfer.tasks.charts import CHARTS
from tests.tasks.test_charts import CHART_EXAMPLES


def test_a_table_has_as_many_cells_as_columns():
    with pytest.raises(ValueError, match=r"A table of 2 columns has rows or groups of \[1, 3\] cells"):
        Table("", ["a", "b"], [["1"]], groups=["x", "y", "z"])


def test_a_section_without_facts_is_none():
    assert facts_section("t", ("x", "y"), {}) is None
    section = facts_section("t", ("x", "y"), {"a": "1"}, ["b"])
    assert section == Section("t", (Table("", ["x", "y"], [["a", "1"]], names=2), Alert("b")))
    assert section_of(json.loads(json.dumps(section_record(section)))) == section


def test_json_gives_a_section_back():
    table = Table("t", ["a"], [["1"]], groups=["g"], rules=frozenset({0}), splits=True, in_terminal=False)
    section = Section("s", (Text("x"), table, Alert("w"), *(Figure(one, "a", "c") for one in CHART_EXAMPLES)))
    assert {type(one).__name__ for one in CHART_EXAMPLES} == set(CHARTS)
    assert section_of(json.loads(json.dumps(section_record(section)))) == section
