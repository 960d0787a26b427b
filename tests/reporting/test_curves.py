"""A picture of curves: points where they belong, names as text."""

from xml.etree import ElementTree

import pytest

from nlp_transfer.reporting.curves import Curve, svg


def test_points_lines_and_names():
    picture = svg([Curve("a & b", [(0.0, 0.5), (0.5, 1.0), (1.0, 0.75)])], "x", "y", marked=0.5)
    ElementTree.fromstring(picture)
    # x from 60 to 470, y from 350 (0.5) up to 20 (1.0)
    assert '<path d="M60.0 350.0L265.0 20.0L470.0 185.0"' in picture
    assert '<path d="M265.0 350.0V20.0" stroke="gray"' in picture
    assert ">a &amp; b</text>" in picture
    assert ">0.750</text>" in picture  # the middle of the axis


def test_one_point_has_room_around_it():
    assert "nan" not in svg([Curve("a", [(0.5, 0.5)])], "x", "y")


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="at least one point"):
        svg([Curve("a", [])], "x", "y")
