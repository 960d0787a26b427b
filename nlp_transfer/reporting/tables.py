"""A table of texts, shown in a terminal by rich or written as Markdown: the same cells in both.

In the terminal long names end in "…" so that numbers keep their columns; Markdown keeps every name whole.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

PIPED_WIDTH = 100
"""Columns of output that goes to a file or a pipe, where there is no terminal to ask."""


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns.

    Args:
        title: what the table shows.
        columns: headings.
        rows: cells, each row as long as `columns`.
        groups: a heading over each column, as long as `columns`; neighbours that share one belong together. Empty for
            a table without.
        names: how many leading columns hold names, which stand left and may be cut; the others hold numbers.
        rules: the rows (0-based) after which a line is drawn in the terminal.

    Raises:
        ValueError: rows or groups that are not as long as the columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    groups: Sequence[str] = ()
    names: int = 1
    rules: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} | ({len(self.groups)} if self.groups else set())
        if widths - {len(self.columns)}:
            raise ValueError(f"A table of {len(self.columns)} columns has rows or groups of {sorted(widths)} cells.")


def to_rich(table: Table, longest_name: int = 28) -> RichTable:
    """The table for a terminal. Cells are texts, never markup: a class may be called `[b]`.

    Args:
        table: what to show.
        longest_name: terminal columns after which a name is cut, however wide the terminal is.
    """
    shown = RichTable(
        title=Text(table.title),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for index, heading in enumerate(_terminal_headings(table)):
        name = index < table.names
        # Only columns that may wrap give way in a narrow terminal, so names may and numbers may not; but a name's text
        # forbids it in turn, and is cut.
        shown.add_column(
            Text(heading, no_wrap=True, overflow="ellipsis"),
            justify="left" if name else "right",
            no_wrap=not name,
            max_width=longest_name if name else None,
        )
    for index, row in enumerate(table.rows):
        cells = (Text(cell, no_wrap=True, overflow="ellipsis") for cell in row)
        shown.add_row(*cells, end_section=index in table.rules)
    return shown


def to_markdown(table: Table) -> str:
    """The table in GitHub's Markdown, without its title; ends in a line break."""
    headings = table.columns
    if table.groups:
        headings = [f"{group} {name}".strip() for group, name in zip(table.groups, table.columns, strict=True)]
    lines = [headings, [":---" if i < table.names else "---:" for i in range(len(headings))], *table.rows]
    rule = 1
    return "".join(
        "| " + " | ".join(cell if number == rule else escape_markdown(cell) for cell in line) + " |\n"
        for number, line in enumerate(lines)
    )


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))


class _Console(Console):
    """A console whose closed output is an error like any other; rich's exits without a word."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls it while it handles the error


def console(file: TextIO | None = None) -> Console:
    """A console as wide as the terminal, or `PIPED_WIDTH` where the output is piped."""
    out = file or sys.stdout
    return _Console(file=out, width=None if out.isatty() else PIPED_WIDTH)


def _terminal_headings(table: Table) -> list[str]:
    """Headings with the group's name above the middle column of each group."""
    if not table.groups:
        return list(table.columns)
    middles = set()
    start = 0
    for index in range(1, len(table.groups) + 1):
        if index == len(table.groups) or table.groups[index] != table.groups[start]:
            middles.add((start + index - 1) // 2)
            start = index
    return [f"{table.groups[index] if index in middles else ''}\n{name}" for index, name in enumerate(table.columns)]
