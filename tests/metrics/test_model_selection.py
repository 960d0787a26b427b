"""Scores without labels against values worked out by hand."""

import math

import numpy as np
import pytest

from nlp_transfer.metrics.model_selection import (
    deep_embedded_validation,
    density_ratios,
    infomax,
    mean_entropy,
    soft_neighborhood_density,
)
from nlp_transfer.metrics.table import LABEL_FREE

SURE = np.array([[1.0, 0.0], [0.0, 1.0]])
UNSURE = np.array([[0.5, 0.5], [0.5, 0.5]])


def test_entropy_by_hand() -> None:
    assert mean_entropy(np.array([[0.5, 0.25, 0.25]])) == pytest.approx(1.5 * math.log(2))
    assert (mean_entropy(SURE), mean_entropy(UNSURE)) == (0.0, pytest.approx(math.log(2)))
    labels = np.array([[0.5, 1.0], [0.0, 1.0]])
    assert mean_entropy(labels, multi_label=True) == pytest.approx(math.log(2) / 4)


def test_infomax_by_hand() -> None:
    assert infomax(SURE) == pytest.approx(math.log(2))
    assert infomax(UNSURE) == pytest.approx(0.0)
    assert infomax(np.array([[1.0, 0.0], [1.0, 0.0]])) == 0.0  # sure, but one class for all
    # Means 0.75 and 0.5; the rows have no entropy but that of one label: (H(0.75) + H(0.5)) / 2 - H(0.5) / 4
    labels = np.array([[1.0, 0.0], [0.5, 1.0]])
    quarter = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    assert infomax(labels, multi_label=True) == pytest.approx((quarter + math.log(2)) / 2 - math.log(2) / 4)


def test_density_by_hand() -> None:
    # Each row has a twin at similarity 1 and two others at 0: softmax of (1, 0, 0) / T.
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    others = math.exp(-1 / 0.5)
    twin = 1 / (1 + 2 * others)
    expected = -twin * math.log(twin) - 2 * twin * others * math.log(twin * others)
    assert soft_neighborhood_density(rows, temperature=0.5) == pytest.approx(expected)
    # At the authors' temperature hardly anything but the twin counts; alike rows have all the others.
    assert soft_neighborhood_density(rows) == pytest.approx(0.0, abs=1e-6)
    assert soft_neighborhood_density(np.ones((5, 2)) / 2) == pytest.approx(math.log(4))
    with pytest.raises(ValueError, match="got 2 rows; it needs three"):
        soft_neighborhood_density(SURE)


def test_the_weighted_risk_by_hand() -> None:
    # w·l = 1, 6; covariance with w (1, 3) is 5, its variance 2: eta = -2.5; 3.5 - 2.5 · 2 + 2.5
    assert deep_embedded_validation(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == pytest.approx(1.0)
    assert deep_embedded_validation(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == pytest.approx(1.5)
    with pytest.raises(ValueError, match="got 1 rows; a variance needs two"):
        deep_embedded_validation(np.array([1.0]), np.array([1.0]))


def test_rows_like_the_targets_weigh_more_and_weights_are_one_in_the_mean() -> None:
    rng = np.random.default_rng(0)
    source, target, held_out = rng.normal(0, 1, (800, 1)), rng.normal(1, 1, (400, 1)), rng.normal(0, 1, (4000, 1))
    weights = density_ratios(source, target, held_out)
    assert weights.mean() == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(np.log(weights), held_out[:, 0] - 0.5, atol=0.6)  # the true ratio is exp(x - 1/2)


def test_the_table_says_which_way_each_points() -> None:
    assert {name: score.greater_is_better for name, score in LABEL_FREE.items()} == {
        "target_entropy": False,
        "target_infomax": True,
        "target_density": True,
        "target_dev": False,
    }
