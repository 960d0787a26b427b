"""Draw curves over one number as SVG. The same curves make the same file, to the byte: no date, no random ids."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCHES = (7.5, 4.0)
"""Width and height."""

_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # for all kinds of sight (Okabe & Ito)

_MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True)
class Curve:
    """Hold a name and its points (x, y), x rising."""

    name: str
    points: Sequence[tuple[float, float]]


def svg(curves: Sequence[Curve], x_name: str, y_name: str, *, marked: float | None = None) -> str:
    """Draw curves over the same x, with a line at the x that was chosen, `marked`.

    Example:
        >>> svg([Curve("macro-F1", [(0.0, 0.5), (1.0, 0.75)])], "alpha", "score").splitlines()[0]
        '<?xml version="1.0" encoding="utf-8" standalone="no"?>'
    """
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "nlp_transfer", "svg.fonttype": "none"}):
        written = io.StringIO()
        figure(curves, x_name, y_name, marked=marked).savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def figure(curves: Sequence[Curve], x_name: str, y_name: str, *, marked: float | None = None) -> "Figure":
    """Return the picture as matplotlib has it; see `svg`."""
    from matplotlib.figure import Figure

    if not any(curve.points for curve in curves):
        raise ValueError("A picture of curves needs at least one point.")
    made = Figure(figsize=INCHES, layout="constrained")
    axes = made.add_subplot(xlabel=x_name, ylabel=y_name)
    axes.set_prop_cycle(color=_COLORS, marker=_MARKERS)
    for curve in curves:
        axes.plot(*zip(*curve.points, strict=True), markersize=5, label=_plain(curve.name))
    if marked is not None:
        axes.axvline(marked, color="gray", linestyle="--", zorder=1, label=f"chosen: {marked:g}")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    made.legend(loc="outside right upper", frameon=False)
    return made


def _plain(name: str) -> str:
    """Escape a name: matplotlib reads $…$ as mathematics, and hides what begins with an underscore."""
    return ("\u200b" if name.startswith("_") else "") + name.replace("$", r"\$")
