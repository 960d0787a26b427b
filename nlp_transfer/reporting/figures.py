"""Curves over one number as a picture (SVG), which browsers and GitHub show.

The same curves make the same file, to the byte: no date, no random ids. Names are text in it, not outlines.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = (7.5, 4.0)
"""Width and height."""

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by people who see colours differently (Okabe & Ito)."""

_MARKERS = ("o", "s", "^", "D", "v", "P")
"""Told apart without colours."""


@dataclass(frozen=True)
class Curve:
    """One line.

    Args:
        name: stands beside it.
        points: (x, y), x rising.
    """

    name: str
    points: Sequence[tuple[float, float]]


def svg(curves: Sequence[Curve], x_name: str, y_name: str, *, marked: float | None = None) -> str:
    """Draw curves over the same x.

    Args:
        curves: at least one, each with at least one point.
        x_name: what x is.
        y_name: what y is.
        marked: an x that was chosen, at which a line stands.

    Raises:
        ValueError: nothing to draw.
    """
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "nlp_transfer", "svg.fonttype": "none"}):
        written = io.StringIO()
        figure(curves, x_name, y_name, marked=marked).savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def figure(curves: Sequence[Curve], x_name: str, y_name: str, *, marked: float | None = None) -> "Figure":
    """The picture as matplotlib has it; see `svg`."""
    from matplotlib.figure import Figure

    if not any(curve.points for curve in curves):
        raise ValueError("A picture of curves needs at least one point.")
    made = Figure(figsize=INCHES, layout="constrained")
    axes = made.add_subplot(xlabel=x_name, ylabel=y_name)
    for index, curve in enumerate(curves):
        axes.plot(
            [x for x, _ in curve.points],
            [y for _, y in curve.points],
            color=_COLORS[index % len(_COLORS)],
            marker=_MARKERS[index % len(_MARKERS)],
            markersize=5,
            label=_plain(curve.name),
        )
    if marked is not None:
        axes.axvline(marked, color="gray", linestyle="--", zorder=1, label=f"chosen: {marked:g}")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    made.legend(loc="outside right upper", frameon=False)
    return made


def _plain(name: str) -> str:
    """A name as it is: matplotlib reads $…$ as mathematics, and hides what begins with an underscore."""
    return ("\u200b" if name.startswith("_") else "") + name.replace("$", r"\$")
