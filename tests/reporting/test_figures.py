"""Charts as pictures: marks where they belong, names as text beside them, the same file each time."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from nlp_transfer.reporting.figures import figure, inline_svg, svg
from nlp_transfer.tasks.charts import CHARTS, Bars, Curves, Grid, Intervals, Points
from tests.tasks.test_charts import CHART_EXAMPLES

LINES = {"source & test": [[0.0, 0.5], [0.5, 1.0], [1.0, 0.75]], "target": [[0.0, 0.2], [1.0, 0.4]]}
CURVES = Curves("alpha", "macro-F1", LINES, marked=0.5)


def texts(made: str) -> list[str | None]:
    return [one.text for one in ElementTree.fromstring(made).iter("{http://www.w3.org/2000/svg}text")]


def test_points_lines_and_names() -> None:
    made = figure(CURVES)
    (axes,) = made.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("alpha", "macro-F1")
    one, other, chosen = axes.get_lines()
    assert np.asarray(one.get_xydata()).tolist() == LINES["source & test"]
    assert np.asarray(other.get_xydata()).tolist() == LINES["target"]
    assert set(chosen.get_xdata()) == {0.5}
    assert one.get_color() != other.get_color() and one.get_marker() != other.get_marker()
    (legend,) = made.legends
    assert [text.get_text() for text in legend.get_texts()] == ["source & test", "target", "chosen: 0.5"]


@pytest.mark.parametrize("chart", CHART_EXAMPLES, ids=CHARTS)
def test_everything_is_inside_the_picture_and_the_legend_below(chart) -> None:
    made = figure(chart)
    made.draw_without_rendering()
    axes = made.axes[0]
    everything = made.get_tightbbox()
    assert everything.x0 >= -0.01 and everything.y0 >= -0.01
    assert everything.x1 <= made.get_figwidth() + 0.01 and everything.y1 <= made.get_figheight() + 0.01
    assert all(one.get_window_extent().y1 <= axes.get_window_extent().y0 for one in made.legends)


def test_names_are_text() -> None:
    assert {"source & test", "target", "chosen: 0.5", "alpha", "macro-F1"} <= set(texts(svg(CURVES)))


@pytest.mark.parametrize("chart", CHART_EXAMPLES, ids=CHARTS)
def test_the_same_chart_makes_the_same_file(chart) -> None:
    assert svg(chart) == svg(chart)
    assert "<metadata>" not in svg(chart)


def test_names_are_no_markup_of_matplotlibs() -> None:
    made = svg(Curves("x", "y", {"$x_1$": [[0.0, 1.0]], "_hidden": [[0.0, 2.0]]}))
    assert "$x_1$" in texts(made) and "\u200b_hidden" in texts(made)


def test_names_of_another_script_give_no_warning() -> None:
    assert "日本語" in texts(svg(Bars("F1", {"日本語": 0.5}, {})))


def test_one_point_has_room_around_it() -> None:
    (axes,) = figure(Curves("x", "y", {"a": [[0.5, 0.5]]})).axes
    low, high = axes.get_ylim()
    assert low < 0.5 < high


def test_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        svg(Curves("x", "y", {"a": []}))


def test_a_bar_has_its_number_and_note() -> None:
    drawn = texts(svg(Bars("F1", {"copyleft": 0.75, "none": None, "x" * 30: 0.5}, {"copyleft": "12 rows"})))
    assert {"copyleft (12 rows)", "0.750", "none", "–", "x" * 23 + "…"} <= set(drawn)


def test_an_interval_is_a_line_through_its_dot() -> None:
    (axes,) = figure(Intervals("F1", {"model": [0.75, 0.5, 1.0], "majority": [0.25]})).axes
    found = [np.asarray(line.get_xydata()).tolist() for line in axes.get_lines()]
    assert found == [[[0.5, 0.0], [1.0, 0.0]], [[0.75, 0.0]], [[0.25, 1.0]]]


def test_a_grid_has_its_counts_where_they_can_be_read() -> None:
    assert {"1,234", "7"} <= set(texts(svg(Grid("predicted", "true", ["a", "b"], [[1234, 7], [0, 2]]))))
    many = [f"class {number}" for number in range(20)]
    drawn = texts(svg(Grid("predicted", "true", many, [[77] * 20] * 20)))
    assert "77" not in drawn and drawn.count("class 19") == 2


def test_points_may_be_spaced_by_powers_of_ten() -> None:
    axes = figure(Points("rows", "F1", {"classes": [[10.0, 0.5], [1000.0, 1.0]]}, log_x=True)).axes[0]
    assert axes.get_xscale() == "log"
    assert np.asarray(axes.collections[0].get_offsets()).tolist() == [[10.0, 0.5], [1000.0, 1.0]]


@pytest.mark.parametrize("chart", CHART_EXAMPLES, ids=CHARTS)
def test_a_picture_in_a_page_has_its_colour_its_own_ids_and_no_address(chart) -> None:
    made = inline_svg(chart, "one")
    assert made.startswith('<svg viewBox="0 0 ') and made.endswith("</svg>")
    assert "currentColor" in made and "http" not in made and "<style" not in made
    ids = re.findall(r'\bid="([^"]*)"', made)
    assert len(ids) == len(set(ids)) and all(one.startswith("one-") for one in ids)
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', made)) <= set(ids)
