"""Differences of systems against numbers by hand, and against how often equal systems are told apart."""

import numpy as np
import pytest

from nlp_transfer.metrics.row_scores import ClassScores, CountScores, MeanScores
from nlp_transfer.metrics.significance import Choice, choose_run, compare_systems, holm


def test_p_by_hand():
    # Four rows, all better by 1: of the 16 signs two give a mean of ±1.
    scores = MeanScores(np.array([[0.0] * 4, [1.0] * 4]))
    (found,) = compare_systems(scores, {"a": [0], "b": [1]}, samples=8000)
    assert found.p == pytest.approx(2 / 16, abs=0.015)
    assert (found.first, found.second, found.difference) == ("a", "b", 1.0)
    assert (found.low, found.high, found.clear, found.over_seeds) == (1.0, 1.0, False, False)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.9]) == pytest.approx([0.04, 0.09, 0.09, 0.9])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_interval_over_seeds_is_wider():
    random = np.random.default_rng(0)
    rows = random.random((1, 400)) + np.array([[-0.1], [0.1], [-0.05], [0.2]])
    one, several = (
        compare_systems(MeanScores(rows), systems)[0] for systems in ({"a": [0], "b": [1]}, {"a": [0, 1], "b": [2, 3]})
    )
    assert one.high - one.low < 0.001  # the rows agree
    assert several.high - several.low > 0.3
    assert several.over_seeds
    assert not several.clear
    assert one.clear


def test_equal_systems_are_seldom_told_apart():
    told = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        truth, *runs = (random.choice(4, p=[0.5, 0.3, 0.15, 0.05], size=300) for _ in range(3))
        told += compare_systems(ClassScores(np.stack(runs), truth), {"a": [0], "b": [1]}, samples=400)[0].clear
    assert told / 150 <= 0.08


def test_a_true_difference_is_found():
    random = np.random.default_rng(0)
    truth = random.integers(3, size=600)
    runs = [np.where(random.random(600) < share, truth, random.integers(3, size=600)) for share in (0.6, 0.8)]
    (found,) = compare_systems(ClassScores(np.stack(runs), truth), {"a": [0], "b": [1]})
    assert found.clear
    assert 0 < found.low < found.difference < found.high


def test_the_score_of_the_best_is_corrected_for_the_choice():
    rng = np.random.default_rng(0)
    gaps, without = [], []
    for _ in range(50):
        rows = MeanScores((rng.random((8, 60)) < 0.7).astype(float))
        chosen = choose_run(rows, samples=200)
        assert sum(chosen.shares) == pytest.approx(1.0)
        assert chosen.low < chosen.expected < chosen.high
        gaps.append(chosen.expected - 0.7)  # eight equal runs
        without.append(rows.observed().max() - 0.7)
    assert np.mean(without) > 0.07
    assert abs(np.mean(gaps)) < 0.03  # as is known, a little of the optimism stays


def test_the_choice_by_hand():
    chosen = choose_run(MeanScores(np.array([[1.0] * 10, [0.0] * 10])))
    assert chosen == Choice(0, 1.0, 1.0, 1.0, (1.0, 0.0), ((0.0, 0.0), (-1.0, -1.0)))


def test_systems_are_compared_by_any_kind_of_rows():
    counts = np.zeros((2, 40, 3), dtype=int)
    counts[:, :, 2] = counts[:, :, 1] = 1
    counts[0, :, 0] = 1
    (found,) = compare_systems(CountScores(counts), {"b": [1], "a": [0]})
    assert (found.difference, found.clear) == (1.0, True)
