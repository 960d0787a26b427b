"""Conformal intervals of numbers keep their promise on rows of the same kind."""

import numpy as np
import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.regression.decision import IntervalSettings, half_widths


def test_by_hand():
    errors = np.array([[3.0], [1.0], [4.0], [2.0]])
    assert half_widths(np.zeros((4, 1)), errors, 0.6).tolist() == [3.0]  # the ceil(5 · 0.6)-th smallest
    assert half_widths(np.zeros((4, 1)), errors, 0.8).tolist() == [4.0]
    assert half_widths(np.zeros((4, 1)), errors, 0.9).tolist() == [np.inf]  # takes nine rows


def test_the_coverage_holds_on_average():
    rng, inside = np.random.default_rng(0), []
    for _ in range(400):
        truth = rng.standard_t(3, size=(60, 1))
        width = half_widths(np.zeros((20, 1)), truth[:20], 0.9)
        inside.append((np.abs(truth[20:]) <= width).mean())
    assert 0.895 < np.mean(inside) < 0.93  # at least 0.9, at most 1 / 21 more


def test_shares_out_of_range_are_refused():
    with pytest.raises(ConfigError, match=r"task\.decision\.intervals\.coverage is 1\.5; expected more than 0"):
        IntervalSettings(coverage=1.5)
