"""Scores as tables."""

import numpy as np

from nlp_transfer.metrics.metric import ClassificationRows
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.sections.results import result_tables

NAMES = ["Permissive", "Copyleft", "Proprietary Free"]
TRUTH = np.array([0, 0, 1, 1])


def scores(predictions, truth=TRUTH, names=NAMES, **kwargs):
    return classification_metrics(np.array(predictions), truth, names, multi_label=False, **kwargs)


def systems(**kwargs):
    return {
        "model": scores([0, 0, 1, 0], **kwargs),
        "majority": scores([0, 0, 0, 0], **kwargs),
        "tfidf_svm": scores([0, 1, 1, 0], **kwargs),
    }


def test_summary_table():
    table = result_tables(systems(interval=False), "t", [ClassificationRows])[0]
    assert table.columns == ["system", "accuracy", "P", "R", "F1", "F1", "F1"]
    assert table.groups == ["", "", "macro", "macro", "macro", "micro", "weighted"]
    # model: class 0 P 2/3 R 1 F1 .8; class 1 P 1 R .5 F1 .667
    assert table.rows[0] == ["model", "0.750", "0.833", "0.750", "0.733", "0.750", "0.733"]
    assert table.rows[1] == ["majority", "0.500", "0.250", "0.500", "0.333", "0.500", "0.333"]


def test_summary_table_with_intervals():
    both = systems()
    table = result_tables(both, "t", [ClassificationRows])[0]
    assert table.columns[5] == "F1, 95 %"
    model = both["model"]
    assert table.rows[0][5] == f"{model['macro_f1_low']:.3f}–{model['macro_f1_high']:.3f}"


def test_multi_label_shows_exact_match():
    truth = np.array([[1, 1, 0], [1, 0, 0]])
    both = {"model": classification_metrics(truth, truth, NAMES, multi_label=True)}
    assert result_tables(both, "t", [ClassificationRows])[0].columns[1] == "exact match"
