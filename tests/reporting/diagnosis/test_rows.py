"""What a diagnosis computes: rows of all splits, groups, and probabilities of models that have not seen a row."""

from typing import Any

import numpy as np
import pytest

from nlp_transfer.config.experiment import load_config
from nlp_transfer.metrics.domain_distance import TwoSampleTest
from nlp_transfer.reporting.diagnosis import rows
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData, label_text
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


def test_one_row_of_each_group_is_compared(data: DiagnosisData) -> None:
    here, there = data.distinct()
    assert (len(here), len(there)) == (131, 60)  # a test text is a near-copy of a training text
    some, _ = data.distinct(np.flatnonzero(data.source.splits == "test"))
    assert set(data.source.splits[some]) == {"test"}
    assert len(some) == 24


def test_near_duplicates_are_not_tested_against_one_another(
    data: DiagnosisData, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested = []

    def counted(first: np.ndarray, second: np.ndarray, *, seed: int) -> TwoSampleTest:
        tested.append((len(first), len(second)))
        return TwoSampleTest(0.5, 0.4, 0.6, 0.5, 60)

    monkeypatch.setattr(rows, "two_sample_test", counted)
    fresh = DiagnosisData(data.experiment, data.prepared)
    fresh.__dict__.update({name: getattr(data, name) for name in ("source", "target", "groups", "probes")})
    assert fresh.domain_test == TwoSampleTest(0.5, 0.4, 0.6, 0.5, 60)
    assert tested == [(131, 60)]  # of 132 source texts two are near-duplicates


def test_a_limit_draws_from_each_split(planted: dict[str, Any]) -> None:
    experiment = load_config(tree=planted)
    few = DiagnosisData(experiment, prepare(experiment), most_rows=66)
    assert [int((few.source.splits == name).sum()) for name in ("train", "validation", "test")] == [45, 9, 12]


def test_names_of_labels() -> None:
    assert label_text(["a", "b"], np.int64(1)) == "b"
    assert label_text(["a", "b", "c"], np.array([1, 0, 1])) == "a, c"
    assert label_text(["a", "b"], np.array([0, 0])) == "none"
