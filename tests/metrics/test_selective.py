"""The acceptance level against the exact bound, and against its promise."""

import numpy as np
import pytest
from scipy.stats import binom

from nlp_transfer.metrics.selective import LEVELS, acceptance_level, precision_bound, rows_needed


def test_the_bound_is_the_precision_at_which_the_count_is_just_unlikely():
    bound = precision_bound(90, 100, 0.95)
    assert binom.sf(89, 100, bound) == pytest.approx(0.05)
    assert precision_bound(100, 100, 0.95) == pytest.approx(0.05 ** (1 / 100))
    assert precision_bound(0, 10, 0.95) == 0.0


def test_rows_needed_are_the_fewest_that_can_be_accepted():
    needed = rows_needed(0.9, 0.95)
    assert needed == 51  # ln 0.005 / ln 0.9 = 50.3
    confidences = np.linspace(0.5, 1, needed)
    assert acceptance_level(confidences, np.ones(needed, bool), 0.9, 0.95) == 0.5
    assert acceptance_level(confidences[1:], np.ones(needed - 1, bool), 0.9, 0.95) is None


def test_equal_confidences_are_accepted_together_or_not_at_all():
    confidences, right = np.full(200, 0.5), np.arange(200) < 150
    assert acceptance_level(confidences, right, 0.6, 0.95) == 0.5
    assert acceptance_level(confidences, right, 0.8, 0.95) is None
    assert acceptance_level(np.array([]), np.array([], bool), 0.5, 0.95) is None


def test_the_promise_is_broken_in_at_most_one_of_twenty_draws():
    random, broken = np.random.default_rng(0), 0
    for _ in range(400):
        confidences = random.random(300)
        right = random.random(300) < 0.8 + 0.2 * confidences  # of those above c: 0.9 + 0.1 c
        level = acceptance_level(confidences, right, 0.93, 0.95)
        broken += level is not None and 0.9 + 0.1 * level < 0.93
    assert broken / 400 <= 0.05
    assert LEVELS == 10
