"""Blocks and sections as Markdown."""

from nlp_transfer.reporting.markdown import block_markdown, section_markdown
from nlp_transfer.tasks.blocks import Alert, Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Bars


def test_each_kind_of_block():
    assert block_markdown(Text("- a `b`")) == "- a `b`"
    assert block_markdown(Alert("a *b*")) == "**Warning**: a \\*b\\*"
    assert block_markdown(Figure(Bars("x", {"a": 1.0}, {}), "c [d]", "e")) == "[Figure: c \\[d\\]](report.html)"
    assert block_markdown(Table("t", ["x", "y"], [["a", "1"]])) == "| x | y |\n| :--- | ---: |\n| a | 1 |\n"


def test_blocks_are_parted_by_blank_lines():
    section = Section("S", (Text("one"), Table("", ["x"], [["a"]]), Text("two")))
    assert section_markdown(section, 3) == "### S\n\none\n\n| x |\n| :--- |\n| a |\n\ntwo\n"
    assert section_markdown(Section("", (Text("one"),))) == "one\n"
