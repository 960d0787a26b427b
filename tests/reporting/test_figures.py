"""A picture of curves: points where they belong, names as text beside them, the same file each time."""

from xml.etree import ElementTree

import numpy as np
import pytest

from nlp_transfer.reporting.figures import Curve, figure, svg

CURVES = [Curve("source & test", [(0.0, 0.5), (0.5, 1.0), (1.0, 0.75)]), Curve("target", [(0.0, 0.2), (1.0, 0.4)])]


def test_points_lines_and_names() -> None:
    made = figure(CURVES, "alpha", "macro-F1", marked=0.5)
    (axes,) = made.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("alpha", "macro-F1")
    one, other, chosen = axes.get_lines()
    assert np.asarray(one.get_xydata()).tolist() == [[0.0, 0.5], [0.5, 1.0], [1.0, 0.75]]
    assert np.asarray(other.get_xydata()).tolist() == [[0.0, 0.2], [1.0, 0.4]]
    assert set(chosen.get_xdata()) == {0.5}
    assert one.get_color() != other.get_color() and one.get_marker() != other.get_marker()
    (legend,) = made.legends
    assert [text.get_text() for text in legend.get_texts()] == ["source & test", "target", "chosen: 0.5"]


def test_the_legend_stands_beside_the_lines() -> None:
    made = figure(CURVES, "alpha", "macro-F1", marked=0.5)
    made.draw_without_rendering()
    (axes,), (legend,) = made.axes, made.legends
    assert legend.get_window_extent().x0 >= axes.get_window_extent().x1
    assert legend.get_window_extent().x1 <= made.bbox.x1


def test_names_are_text() -> None:
    tree = ElementTree.fromstring(svg(CURVES, "alpha", "macro-F1", marked=0.5))
    texts = [one.text for one in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"source & test", "target", "chosen: 0.5", "alpha", "macro-F1"} <= set(texts)


def test_the_same_curves_make_the_same_file() -> None:
    first = svg(CURVES, "x", "y", marked=0.5)
    assert svg(CURVES, "x", "y", marked=0.5) == first
    assert "<dc:date>" not in first


def test_names_are_no_markup_of_matplotlibs() -> None:
    made = svg([Curve("$x_1$", [(0.0, 1.0)]), Curve("_hidden", [(0.0, 2.0)])], "x", "y")
    texts = [one.text for one in ElementTree.fromstring(made).iter("{http://www.w3.org/2000/svg}text")]
    assert "$x_1$" in texts and "\u200b_hidden" in texts


def test_one_point_has_room_around_it() -> None:
    (axes,) = figure([Curve("a", [(0.5, 0.5)])], "x", "y").axes
    low, high = axes.get_ylim()
    assert low < 0.5 < high


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        svg([Curve("a", [])], "x", "y")
