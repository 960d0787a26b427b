"""Curves over one number as a picture (SVG), which browsers and GitHub show; no library draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 170, 20, 50
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by people who see colours differently (Okabe & Ito)."""


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
        marked: an x at which a line stands.

    Raises:
        ValueError: nothing to draw.
    """
    points = [point for curve in curves for point in curve.points]
    if not points:
        raise ValueError("A picture of curves needs at least one point.")
    left, right = _range([x for x, _ in points])
    low, high = _range([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - left) / (right - left) * (WIDTH - _LEFT - _RIGHT)
        down = HEIGHT - _BOTTOM - (y - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    (x0, y0), (x1, y1) = place(left, low), place(right, high)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12" fill="none">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<path d="M{x0} {y1}V{y0}H{x1}" stroke="black"/>',
        _text((x0 + x1) / 2, HEIGHT - 10, x_name, "middle"),
        _text(x0 - 8, y1 - 6, y_name, "middle"),
    ]
    for value in (left, (left + right) / 2, right):
        parts.append(_text(place(value, low)[0], y0 + 18, f"{value:g}", "middle"))
    for value in (low, (low + high) / 2, high):
        parts.append(_text(x0 - 6, place(left, value)[1] + 4, f"{value:.3f}", "end"))
    if marked is not None:
        parts.append(f'<path d="M{place(marked, low)[0]} {y0}V{y1}" stroke="gray" stroke-dasharray="4"/>')
    for index, curve in enumerate(curves):
        color = _COLORS[index % len(_COLORS)]
        line = "L".join(f"{x} {y}" for x, y in (place(*point) for point in curve.points))
        parts.append(f'<path d="M{line}" stroke="{color}" stroke-width="2"/>')
        parts.append(f'<path d="M{x1 + 12} {_TOP + 20 * index + 6}h18" stroke="{color}" stroke-width="2"/>')
        parts.append(_text(x1 + 36, _TOP + 20 * index + 10, curve.name, "start"))
    return "\n".join([*parts, "</svg>\n"])


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The least and the greatest; where they are one, a little around it."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.05, high + 0.05)


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="black">{escape(words)}</text>'
