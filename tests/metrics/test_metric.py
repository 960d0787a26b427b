"""A metric's direction and the texts of numbers."""

import pytest

from nlp_transfer.metrics.metric import UNDEFINED, Metric, TokenRows, number, percent, perplexity


@pytest.mark.parametrize("text", [number, perplexity, percent])
def test_a_score_that_does_not_exist(text):
    assert text(None) == UNDEFINED


def test_perplexities_have_decimals_where_they_tell_something():
    assert [perplexity(value) for value in (1.0, 999.994, 1000.0, 12345.6)] == ["1.00", "999.99", "1,000", "12,346"]


def test_better_follows_the_direction():
    up, down, none = (Metric("x", way, lambda rows: {}, TokenRows, "x") for way in (True, False, None))
    assert up.better({"x": 2.0}, {"x": 1.0})
    assert not up.better({"x": 1.0}, {"x": 1.0})
    assert down.better({"x": 1.0}, {"x": 2.0})
    assert not none.better({"x": 2.0}, {"x": 1.0})
    assert not up.better({}, {"x": 1.0})
    assert not up.better({"x": 1.0}, {"x": None})
