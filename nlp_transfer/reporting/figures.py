"""Draw charts as SVG. The same chart makes the same text, to the byte: no date, no random ids.

A new kind of chart is a dataclass in `tasks/charts.py` and one line in `_DRAW`.
"""

import io
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nlp_transfer.files import cache_dir
from nlp_transfer.metrics.metric import number
from nlp_transfer.tasks.charts import Bars, Chart, Curves, Grid, Intervals, Points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 4.6
"""Width in inches: as wide as a telephone shows with letters that can be read."""

LONGEST_NAME = 24
"""Characters of a name in a figure; longer ones end in "…"."""

GRID_COUNTS = 10
"""Maximum number of names of a grid whose cells hold their counts."""

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # for all kinds of sight (Okabe & Ito)

_MARKERS = ("o", "s", "^", "D", "v", "P")

_INK = "#010203"  # of lines and letters, which `inline_svg` gives the page's colour

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "nlp_transfer",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
}


def svg(chart: Chart, *, transparent: bool = False) -> str:
    """Draw a chart as an SVG file.

    Example:
        >>> svg(Curves("alpha", "score", {"macro-F1": [[0.0, 0.5], [1.0, 0.75]]})).splitlines()[0]
        '<?xml version="1.0" encoding="utf-8" standalone="no"?>'
    """
    os.environ.setdefault("MPLCONFIGDIR", str(cache_dir() / "matplotlib"))  # its list of fonts, else in the home folder
    from matplotlib import rc_context

    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the letters are text, for the reader's own font
        written = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure(chart).savefig(written, format="svg", metadata=nothing, transparent=transparent)
    return written.getvalue()


def inline_svg(chart: Chart, prefix: str) -> str:
    """Draw a chart as an element of a page: in the page's colour, with ids that begin with `prefix`, without addresses.

    Example:
        >>> inline_svg(Curves("alpha", "score", {"macro-F1": [[0.0, 0.5], [1.0, 0.75]]}), "a")[:13]
        '<svg viewBox='
    """
    text = svg(chart, transparent=True)
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)  # a page has one style
    opening, rest = text.split(">", 1)
    (view,) = re.findall(r'viewBox="[^"]*"', opening)
    return f"<svg {view}>{rest.strip()}"


def figure(chart: Chart) -> "Figure":
    """Return the picture as matplotlib has it; see `svg`."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(WIDTH, _height(chart)), layout="constrained")
    axes = made.add_subplot()
    _DRAW[type(chart)](axes, chart)
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        made.legend(loc="outside lower center", frameon=False, ncols=2)
    return made


def _height(chart: Chart) -> float:
    """Return the height in inches: by the number of names where each has a line."""
    if isinstance(chart, Bars | Intervals):
        return 0.7 + 0.24 * len(chart.bars if isinstance(chart, Bars) else chart.dots)
    return min(1.6 + 0.3 * len(chart.names), WIDTH) if isinstance(chart, Grid) else 3.3


def _curves(axes: "Axes", chart: Curves) -> None:
    if not any(chart.lines.values()):
        raise ValueError("A picture of curves needs at least one point.")
    _name_axes(axes, chart.x, chart.y)
    if chart.diagonal:
        axes.plot([0, 1], [0, 1], color="gray", linestyle="--", linewidth=1, label=_plain(chart.diagonal))
    for (name, points), color, marker in _styled(chart.lines):
        x, y = zip(*points, strict=True)
        axes.plot(x, y, color=color, label=_plain(name), marker=marker if len(points) <= 30 else "", markersize=4)
    if chart.marked is not None:
        axes.axvline(chart.marked, color="gray", linestyle="--", zorder=1, label=f"chosen: {chart.marked:g}")


def _bars(axes: "Axes", chart: Bars) -> None:
    names = [f"{_cut(name)} ({note})" if (note := chart.notes.get(name)) else _cut(name) for name in chart.bars]
    values = list(chart.bars.values())
    axes.barh(range(len(values)), [value or 0.0 for value in values], color=_COLORS[0], height=0.7)
    for place, value in enumerate(values):
        axes.annotate(number(value), (value or 0.0, place), (3, 0), textcoords="offset points", va="center", fontsize=8)
    _name_lines(axes, names, chart.x)
    axes.set_xlim(0, max([0.0, *(value for value in values if value is not None)]) * 1.18 or 1.0)


def _intervals(axes: "Axes", chart: Intervals) -> None:
    for place, (name, (value, *interval)) in enumerate(chart.dots.items()):
        color, marker = (_COLORS[1], "o") if name == chart.marked else (_COLORS[0], "s")
        if interval:
            axes.plot(interval, [place, place], color=color, linewidth=2, solid_capstyle="butt")
        axes.plot(value, place, color=color, marker=marker, markersize=6)
    _name_lines(axes, [_cut(name) for name in chart.dots], chart.x)
    axes.grid(axis="x", alpha=0.3)


def _grid(axes: "Axes", chart: Grid) -> None:
    size = len(chart.names)
    shares = [[count / max(sum(row), 1) for count in row] for row in chart.counts]
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, edgecolors="face")
    for place, row in enumerate(chart.counts if size <= GRID_COUNTS else []):
        for column, count in enumerate(row):
            ink = "white" if shares[place][column] > 0.6 else "black"
            axes.text(column + 0.5, place + 0.5, f"{count:,}", ha="center", va="center", color=ink, fontsize=8)
    names, middles = [_cut(name) for name in chart.names], [place + 0.5 for place in range(size)]
    axes.set_xticks(middles, names, rotation=90 if size > 3 else 0, fontsize=9 if size <= GRID_COUNTS else 7)
    axes.set_yticks(middles, names, fontsize=9 if size <= GRID_COUNTS else 7)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel=_plain(chart.x), ylabel=_plain(chart.y))


def _points(axes: "Axes", chart: Points) -> None:
    _name_axes(axes, chart.x, chart.y)
    for (name, points), color, marker in _styled(chart.groups):
        x, y = zip(*points, strict=True)
        axes.scatter(x, y, s=18, c=color, marker=marker, alpha=0.6, linewidths=0, label=_plain(name))
    if chart.log_x:
        axes.set_xscale("log")


_DRAW: dict[type[Chart], Callable[[Any, Any], None]] = {
    Curves: _curves,
    Bars: _bars,
    Intervals: _intervals,
    Grid: _grid,
    Points: _points,
}


def _styled(named: Mapping[str, Any]) -> Iterable[tuple[tuple[str, Any], str, str]]:
    """Yield what has points, with a colour and a marker of its own."""
    for place, item in enumerate((name, points) for name, points in named.items() if points):
        yield item, _COLORS[place % len(_COLORS)], _MARKERS[place % len(_MARKERS)]


def _name_axes(axes: "Axes", x: str, y: str) -> None:
    axes.set(xlabel=_plain(x), ylabel=_plain(y))
    axes.grid(alpha=0.3)


def _name_lines(axes: "Axes", names: list[str], x: str) -> None:
    """Give each line its name, the first at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(_plain(x))
    axes.tick_params(axis="y", length=0)


def _cut(name: str) -> str:
    name = " ".join(name.split())
    return _plain(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…")


def _plain(name: str) -> str:
    """Escape a name: matplotlib reads $…$ as mathematics, and hides what begins with an underscore."""
    return ("\u200b" if name.startswith("_") else "") + name.replace("$", r"\$")
