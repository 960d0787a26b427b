"""Define the blocks that sections of reports, cards and terminals are made of, as plain values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nlp_transfer.tasks.charts import CHARTS, Chart


@dataclass(frozen=True)
class Text:
    """A paragraph or list, in Markdown."""

    markdown: str


@dataclass(frozen=True)
class Alert:
    """A warning at the head of the report, in plain text."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A chart.

    Args:
        chart: what is drawn.
        alt: the chart in a sentence, for those who do not see it.
        caption: below the chart, in plain text.
    """

    chart: Chart
    alt: str
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns.

    Args:
        title: of the table.
        columns: headings.
        rows: cells, each row as long as `columns`.
        groups: a second heading over each column, shared by neighbours; empty without.
        names: number of leading columns with names, aligned left; the others hold numbers.
        rules: rows (0-based) that are followed by a line in a terminal.
        splits: show one table a group in a terminal that is too narrow.
        in_terminal: show the table in a terminal.

    Raises:
        ValueError: rows or groups that are not as long as the columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: Sequence[str] = ()
    names: int = 1
    rules: frozenset[int] = frozenset()
    splits: bool = False
    in_terminal: bool = True

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} | ({len(self.groups)} if self.groups else set())
        if widths - {len(self.columns)}:
            raise ValueError(f"A table of {len(self.columns)} columns has rows or groups of {sorted(widths)} cells.")


Block = Text | Table | Figure | Alert


@dataclass(frozen=True)
class Section:
    """A part of a report: a heading and its blocks.

    Example:
        >>> Section("Cost", (Text("- Training: 3 s"),)).title
        'Cost'
    """

    title: str
    blocks: tuple[Block, ...]


def facts_section(
    title: str, columns: tuple[str, str], facts: Mapping[str, str], alerts: Sequence[str] = ()
) -> Section | None:
    """Return a section with one row a fact under two headings, and with alerts; None if there are neither.

    Example:
        >>> facts_section("Copies", ("split", "copies"), {"target test": "2 of 30"}).blocks[0].rows
        [['target test', '2 of 30']]
    """
    if not facts and not alerts:
        return None
    rows = [[label, text] for label, text in facts.items()]
    return Section(title, (Table("", list(columns), rows, names=2), *map(Alert, alerts)))


def section_record(section: Section) -> dict[str, Any]:
    """Return a section as JSON can hold it, for `section_of`."""
    blocks = [{"kind": type(block).__name__, **asdict(block)} for block in section.blocks]
    for block, given in zip(blocks, section.blocks, strict=True):
        if "rules" in block:
            block["rules"] = sorted(block["rules"])
        if isinstance(given, Figure):
            block["chart"]["kind"] = type(given.chart).__name__
    return {"title": section.title, "blocks": blocks}


def section_of(record: Mapping[str, Any]) -> Section:
    """Return the section of which `section_record` made a record.

    Example:
        >>> section = Section("s", (Text("a"), Table("t", ["x"], [["1"]])))
        >>> section_of(section_record(section)) == section
        True
    """
    kinds: dict[str, type[Block]] = {kind.__name__: kind for kind in (Text, Table, Figure, Alert)}
    blocks = []
    for block in record["blocks"]:
        values = {name: value for name, value in block.items() if name != "kind"}
        if "rules" in values:
            values |= {"rules": frozenset(values["rules"]), "groups": values["groups"] or ()}
        if "chart" in values:
            chart = dict(values["chart"])
            values["chart"] = CHARTS[chart.pop("kind")](**chart)
        blocks.append(kinds[block["kind"]](**values))
    return Section(record["title"], tuple(blocks))


def escape_markdown(text: str) -> str:
    """Escape a text for Markdown, in one line.

    Example:
        >>> print(escape_markdown("a *b*"))
        a \\*b\\*
    """
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))
