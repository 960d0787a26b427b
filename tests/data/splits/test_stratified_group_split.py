"""Shares of classes and sizes, groups that stay whole, and classes with few groups."""

import numpy as np
import pytest

from nlp_transfer.data.splits.stratified_group_split import stratified_assignment

SHARES = {"train": 0.6, "validation": 0.15, "test": 0.25}


def single(
    labels: list[int], groups: list[int] | None = None, seed: int = 0, shares: dict[str, float] = SHARES
) -> np.ndarray:
    rows = np.arange(len(labels))
    return stratified_assignment(rows if groups is None else np.array(groups), rows, np.array(labels), shares, seed)


def test_shares_within_each_class() -> None:
    labels = np.array([0] * 100 + [1] * 40 + [2] * 20)
    split = single(labels.tolist())
    table = [[int(((labels == label) & (split == index)).sum()) for index in range(3)] for label in range(3)]
    assert table == [[60, 15, 25], [24, 6, 10], [12, 3, 5]]


def test_the_draw_is_by_its_seed() -> None:
    labels = [0, 1] * 50
    assert single(labels, seed=1).tolist() == single(labels, seed=1).tolist() != single(labels, seed=2).tolist()


def test_groups_stay_whole() -> None:
    groups = np.repeat(np.arange(30), np.arange(30) % 4 + 1)
    split = single((groups % 3).tolist(), groups.tolist())
    assert all(len(set(split[groups == group])) == 1 for group in range(30))
    assert np.bincount(split) / len(split) == pytest.approx([0.6, 0.15, 0.25], abs=0.06)


@pytest.mark.parametrize(("count", "wanted"), [(1, {0}), (2, {0, 2}), (3, {0, 1, 2})])
def test_rare_classes_are_in_train_then_test_then_validation(count: int, wanted: set[int]) -> None:
    labels = np.array([0] * 60 + [1] * count)
    for seed in range(10):
        assert set(single(labels.tolist(), seed=seed)[labels == 1]) == wanted


def test_a_class_of_one_large_group_is_in_train() -> None:
    groups = [0] * 30 + list(range(1, 31))
    assert set(single([0] * 30 + [1] * 30, groups)[:30]) == {0}


def test_multi_label_shares() -> None:
    draw = np.random.default_rng(0)
    table = draw.random((400, 4)) < [0.5, 0.2, 0.05, 0.02]
    rows, classes = np.nonzero(table)
    split = stratified_assignment(np.arange(400), rows, classes, SHARES, 0)
    assert np.bincount(split).tolist() == pytest.approx([240, 60, 100], abs=2)
    for label in range(4):
        counts = np.array([table[split == index, label].sum() for index in range(3)])
        assert np.abs(counts - np.array(list(SHARES.values())) * table[:, label].sum()).max() <= 2


def test_rows_without_labels_and_two_splits() -> None:
    none = np.empty(0, np.int64)
    split = stratified_assignment(np.arange(10), none, none, {"train": 0.7, "validation": 0.3}, 0)
    assert np.bincount(split).tolist() == [7, 3]
