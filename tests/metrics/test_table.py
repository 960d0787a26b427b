"""The table of metrics: what is computed of which rows."""

import numpy as np
import pytest

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.metric import ClassificationRows, SummaryRows, TokenRows
from nlp_transfer.metrics.table import METRICS, classification_metrics, compute_scores, metrics_of


def test_each_shared_computation_runs_once(monkeypatch):
    calls = []

    def compute(rows):
        calls.append(rows)
        return {"one": 1.0, "two": 2.0}

    for name in ("one", "two"):
        monkeypatch.setitem(METRICS, name, METRICS["loss"].__class__(name, True, compute, dict, name))
    rows = {"any": "rows"}
    assert compute_scores(rows) == {"one": 1.0, "two": 2.0}
    assert calls == [rows]


def test_metrics_are_those_of_the_rows():
    assert [metric.name for metric in metrics_of(TokenRows)] == ["perplexity", "token_accuracy", "loss"]
    assert {"macro_f1", "accuracy", "matthews"} <= {metric.name for metric in metrics_of(ClassificationRows)}
    assert {"rouge1", "f1", "words"} <= {metric.name for metric in metrics_of(SummaryRows)}


def test_what_is_not_defined_for_rows_is_left_out():
    single = compute_scores(ClassificationRows([0, 1], [0, 1], ["a", "b"], multi_label=False))
    multi = compute_scores(ClassificationRows(np.eye(2), np.eye(2), ["a", "b"], multi_label=True))
    assert "matthews" in single and "exact_match" not in single
    assert "exact_match" in multi and "matthews" not in multi


def test_a_single_label_split_has_no_metric_of_sets_of_labels() -> None:
    scores = classification_metrics([0, 1, 1], [0, 1, 0], ["a", "b"], multi_label=False)
    assert scores["rows"] == 3
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["macro_f1_low"] <= scores["macro_f1"] <= scores["macro_f1_high"]
    assert "hamming_loss" not in scores
    without = classification_metrics([0, 1], [0, 1], ["a", "b"], multi_label=False, interval=False)
    assert "macro_f1_low" not in without


def test_a_multi_label_split_has_them() -> None:
    scores = classification_metrics(np.eye(2, dtype=int), np.eye(2, dtype=int), ["a", "b"], multi_label=True)
    assert scores["exact_match"] == 1.0 and scores["hamming_loss"] == 0.0
    assert "matthews" not in scores


def test_masked_tokens_are_summed_over_rows() -> None:
    scores = compute_scores(TokenRows(np.array([[0.0, 3, 3], [0.0, 1, 0]])))
    assert scores["perplexity"] == 1.0
    assert scores["token_accuracy"] == 0.75


def test_summaries_without_references_have_no_rouge() -> None:
    scores = compute_scores(SummaryRows([["one two"]], ["one two three four"], None))
    assert scores["compression"] == 0.5
    assert "rouge1" not in scores
    assert compute_scores(SummaryRows([["one"]], ["one two"], [["one"]]))["rouge1"] == 1.0
    with pytest.raises(DataError, match="Nothing to score"):
        compute_scores(SummaryRows([], [], None))
