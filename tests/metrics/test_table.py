"""The table of metrics: what is computed of which rows."""

import numpy as np

from nlp_transfer.metrics.metric import ClassificationRows, SummaryRows, TokenRows
from nlp_transfer.metrics.table import METRICS, compute_scores, metrics_of


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
