"""Show a table of texts in a terminal by rich, or write it as Markdown: the same cells in both.

In the terminal long names end in "…" so that numbers keep their columns; Markdown keeps every name whole.
"""

import sys
from dataclasses import replace
from typing import TextIO

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from nlp_transfer.tasks.blocks import Table, escape_markdown

PIPED_WIDTH = 100
"""Columns of output that goes to a file or a pipe, where there is no terminal to ask."""


def to_rich(table: Table, longest_name: int = 28) -> RichTable:
    """Return the table for a terminal, names cut after `longest_name` columns. Cells are texts, never markup."""
    made = RichTable(
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
        made.add_column(
            Text(heading, no_wrap=True, overflow="ellipsis"),
            justify="left" if name else "right",
            no_wrap=not name,
            max_width=longest_name if name else None,
        )
    for index, row in enumerate(table.rows):
        cells = (Text(cell, no_wrap=True, overflow="ellipsis") for cell in row)
        made.add_row(*cells, end_section=index in table.rules)
    return made


_UNBOUNDED = 10_000  # columns; asks how wide a table would like to be


class GroupedTable:
    """Show a table in a terminal: whole where it fits, else one table for each group of columns."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for longest_name in (28, 20):  # names are rather cut a little than the groups parted
            together = to_rich(self.table, longest_name)
            if console.measure(together, options=options.update(max_width=_UNBOUNDED)).maximum <= options.max_width:
                yield together
                return
        yield from map(to_rich, _split_by_group(self.table))


def _split_by_group(table: Table) -> list[Table]:
    """Return one table for each group of columns, with the columns of no group in each."""
    parts = []
    for group in dict.fromkeys(filter(None, table.groups)):
        kept = [index for index, own in enumerate(table.groups) if own in ("", group)]
        parts.append(
            replace(
                table,
                title=f"{table.title}: {group}",
                columns=[table.columns[index] for index in kept],
                rows=[[row[index] for index in kept] for row in table.rows],
                groups=[table.groups[index] for index in kept],
            )
        )
    return parts


def to_markdown(table: Table) -> str:
    r"""Return the table in GitHub's Markdown, without its title; it ends in a line break.

    Example:
        >>> to_markdown(Table("", ["class", "F1"], [["a", "0.5"]]))
        '| class | F1 |\n| :--- | ---: |\n| a | 0.5 |\n'
    """
    headings = table.columns
    if table.groups:
        headings = [f"{group} {name}".strip() for group, name in zip(table.groups, table.columns, strict=True)]
    lines = [headings, [":---" if i < table.names else "---:" for i in range(len(headings))], *table.rows]
    rule = 1
    return "".join(
        "| " + " | ".join(cell if number == rule else escape_markdown(cell) for cell in line) + " |\n"
        for number, line in enumerate(lines)
    )


class _Console(Console):
    """Raise when the output is closed; rich's console exits without a word."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  # rich calls it while it handles the error


def console(file: TextIO | None = None) -> Console:
    """Return a console as wide as the terminal, or `PIPED_WIDTH` where the output is piped."""
    out = file or sys.stdout
    return _Console(file=out, width=None if out.isatty() else PIPED_WIDTH)


def _terminal_headings(table: Table) -> list[str]:
    """Return headings with the group's name above the middle column of each group."""
    if not table.groups:
        return list(table.columns)
    middles = set()
    start = 0
    for index in range(1, len(table.groups) + 1):
        if index == len(table.groups) or table.groups[index] != table.groups[start]:
            middles.add((start + index - 1) // 2)
            start = index
    return [f"{table.groups[index] if index in middles else ''}\n{name}" for index, name in enumerate(table.columns)]
