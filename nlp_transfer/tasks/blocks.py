"""Define the blocks that sections of reports, cards and terminals are made of, as plain values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A paragraph or list.

    Args:
        markdown: its source.
    """

    markdown: str


@dataclass(frozen=True)
class Alert:
    """A warning that a reader must see first.

    Args:
        text: plain text.
    """

    text: str


@dataclass(frozen=True)
class Figure:
    """A picture.

    Args:
        path: of the file, relative to the report.
        caption: plain text.
    """

    path: str
    caption: str


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
        splits: whether a terminal shows one table a group where the whole does not fit.
        in_terminal: whether a terminal shows it at all.

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
    """A part of a report.

    Args:
        title: its heading.
        blocks: its content, in order.

    Example:
        >>> Section("Cost", (Text("- Training: 3 s"),)).title
        'Cost'
    """

    title: str
    blocks: tuple[Block, ...]


def escape_markdown(text: str) -> str:
    """Escape text that Markdown shall show as it is, in one line.

    Example:
        >>> print(escape_markdown("a *b*"))
        a \\*b\\*
    """
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split()))
