"""What a diagnosis computes: rows of all splits, groups, and probabilities of models that have not seen a row."""

from typing import Any

import numpy as np
import pytest

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData, _folds, label_text
from nlp_transfer.reporting.prepared_run import prepare


def test_rows_of_all_splits(data: DiagnosisData) -> None:
    assert len(data.source.ids) == len(data.source.texts) == 90 + 18 + 24
    assert dict(zip(*np.unique(data.source.splits, return_counts=True), strict=True)) == {
        "test": 24,
        "train": 90,
        "validation": 18,
    }
    assert data.source.labels is not None
    assert {features.shape for features in data.source.features.values()} == {(132, 32)}
    assert data.target is not None
    assert len(data.target.ids) == 60
    assert len(data.groups) == 132 + 60


def test_near_duplicates_are_in_one_fold() -> None:
    groups = np.repeat(np.arange(30), 2)
    for train, held in _folds(np.tile([0, 1, 2], 20), groups, seed=0):
        assert not set(groups[train]) & set(groups[held])


def test_a_probe_is_scored_on_rows_that_it_has_not_seen(data: DiagnosisData) -> None:
    best = data.probes[data.best_layer]
    assert best.loss == min(probe.loss for probe in data.probes.values())
    assert best.macro_f1 > 0.7  # the words give the class away, and four labels are wrong
    assert best.probabilities.sum(axis=1) == pytest.approx(np.ones(132))


def test_one_row_of_each_group_is_compared(data: DiagnosisData) -> None:
    here, there = data.distinct()
    assert (len(here), len(there)) == (131, 60)  # a test text is a near-copy of a training text
    some, _ = data.distinct(np.flatnonzero(data.source.splits == "test"))
    assert set(data.source.splits[some]) == {"test"}
    assert len(some) == 24


def test_a_limit_draws_from_each_split(planted: dict[str, Any]) -> None:
    experiment = load_config(tree=planted)
    few = DiagnosisData(experiment, prepare(experiment), most_rows=66)
    assert [int((few.source.splits == name).sum()) for name in ("train", "validation", "test")] == [45, 9, 12]


def test_names_of_labels() -> None:
    assert label_text(["a", "b"], np.int64(1)) == "b"
    assert label_text(["a", "b", "c"], np.array([1, 0, 1])) == "a, c"
    assert label_text(["a", "b"], np.array([0, 0])) == "none"
