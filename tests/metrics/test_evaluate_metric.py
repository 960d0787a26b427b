"""The base of metrics: rows that cannot be misread, in memory only."""

import numpy as np
import pytest

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.evaluate_metric import ClassificationMetric, check_rows


class Agreement(ClassificationMetric):
    """`agreement`: rows that are alike."""

    def score(self, predictions, references):
        return {"agreement": int((predictions == references).sum())}


def test_rows_are_scored_whole_or_gathered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metric = Agreement(["a", "b"], multi_label=False)
    assert metric.compute(predictions=[0, 1, 1], references=[0, 1, 0]) == {"agreement": 2}
    for prediction in (0, 1):
        metric.add(prediction=prediction, reference=1)
    assert metric.compute() == {"agreement": 1}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("names", "problem"), [([], "got none"), (["a", "b", "a"], "more than once: a")])
def test_label_names_are_unique(names, problem):
    with pytest.raises(ValueError, match=problem):
        Agreement(names, multi_label=False)


def test_checked_rows_are_int64():
    predictions, references = check_rows([0.0, 2.0], np.array([1, 2], dtype=np.uint8), 3, multi_label=False)
    assert predictions.dtype == references.dtype == np.int64
    assert predictions.tolist() == [0, 2]
    multi, _ = check_rows([[True, False]], [[0, 1]], 2, multi_label=True)
    assert multi.tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("predictions", "references", "multi_label", "problem"),
    [
        ([[0, 1]], [[0, 1]], False, r"predictions must have shape \(rows,\); got \(1, 2\)"),
        ([0, 1], [0, 1], True, r"predictions must have shape \(rows, 2\); got \(2,\)"),
        ([0.5, 1.0], [0, 1], False, "must be whole numbers .* got float64 such as"),
        ([0, 2], [0, 1], False, r"predictions must be from 0 to 1; row 1 holds 2 \(1 such values\)"),
        ([0, 1], [0, -1], False, "references must be from 0 to 1; row 1 holds -1"),
        ([0, 1], [0], False, "Got 2 predictions for 1 references"),
    ],
)
def test_rows_that_would_be_misread(predictions, references, multi_label, problem):
    with pytest.raises(ValueError, match=problem):
        check_rows(predictions, references, 2, multi_label=multi_label)


def test_no_rows():
    with pytest.raises(DataError, match="Nothing to score: got 0 predictions and 0 references"):
        check_rows([], [], 2, multi_label=False)
