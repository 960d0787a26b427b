"""Define the kinds of chart that a figure draws, as plain values that JSON holds: names, numbers and lists of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Curves:
    """Lines over one number.

    Args:
        x: name of the horizontal axis.
        y: name of the vertical axis.
        lines: points [x, y] of each line by its name, x rising.
        marked: an x at which a dashed line stands, that of the choice.
        diagonal: name of the line y = x; empty without.
    """

    x: str
    y: str
    lines: Mapping[str, Sequence[Sequence[float]]]
    marked: float | None = None
    diagonal: str = ""


@dataclass(frozen=True)
class Bars:
    """A bar for each name, from 0.

    Args:
        x: name of the numbers.
        bars: length of each bar by its name; None where there is no number.
        notes: text beside the names, such as the number of rows.
    """

    x: str
    bars: Mapping[str, float | None]
    notes: Mapping[str, str]


@dataclass(frozen=True)
class Intervals:
    """A dot with its interval for each name.

    Args:
        x: name of the numbers.
        dots: [value, low, high] by name, or [value] without an interval.
        marked: name of the dot that stands out; empty without.
    """

    x: str
    dots: Mapping[str, Sequence[float]]
    marked: str = ""


@dataclass(frozen=True)
class Grid:
    """Counts of pairs of names, such as a confusion matrix.

    Args:
        x: name of the columns.
        y: name of the rows.
        names: of rows and columns.
        counts: shape (names, names); a cell's colour is its share of its row.
    """

    x: str
    y: str
    names: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Points:
    """Groups of points in a plane.

    Args:
        x: name of the horizontal axis.
        y: name of the vertical axis.
        groups: points [x, y] of each group by its name.
        log_x: space the horizontal axis by powers of ten.
    """

    x: str
    y: str
    groups: Mapping[str, Sequence[Sequence[float]]]
    log_x: bool = False


Chart = Curves | Bars | Intervals | Grid | Points

CHARTS: dict[str, type[Chart]] = {kind.__name__: kind for kind in (Curves, Bars, Intervals, Grid, Points)}
"""Every kind of chart by name. `reporting.figures` draws them."""
