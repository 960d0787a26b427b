"""Scores as tables."""

import io

import numpy as np
import pytest
from rich.console import Console

from nlp_transfer.metrics.classification import classification_metrics
from nlp_transfer.reporting.sections.results import PerClassScores, confusion_table, per_class_table, summary_table
from nlp_transfer.reporting.tables import to_markdown

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
    table = summary_table(systems(bootstrap_samples=0), "t")
    assert table.columns == ["system", "accuracy", "P", "R", "F1", "F1", "F1"]
    assert table.groups == ["", "", "macro", "macro", "macro", "micro", "weighted"]
    # model: class 0 P 2/3 R 1 F1 .8; class 1 P 1 R .5 F1 .667
    assert table.rows[0] == ["model", "0.750", "0.833", "0.750", "0.733", "0.750", "0.733"]
    assert table.rows[1] == ["majority", "0.500", "0.250", "0.500", "0.333", "0.500", "0.333"]


def test_summary_table_with_intervals():
    both = systems()
    table = summary_table(both, "t")
    assert table.columns[5] == "F1, 95 %"
    model = both["model"]
    assert table.rows[0][5] == f"{model['macro_f1_low']:.3f}–{model['macro_f1_high']:.3f}"


def test_per_class_table():
    table = per_class_table(systems(), "t")
    assert table.columns == ["class", "support", *["P", "R", "F1"] * 3]
    assert table.groups == ["", "", *["model"] * 3, *["majority"] * 3, *["tfidf_svm"] * 3]
    assert table.rows[0][:5] == ["Permissive", "2", "0.667", "1.000", "0.800"]
    assert table.rows[1][:8] == ["Copyleft", "2", "1.000", "0.500", "0.667", "0.000", "0.000", "0.000"]
    assert table.rows[2][:5] == ["Proprietary Free", "0", "–", "–", "–"]
    assert [row[0] for row in table.rows[3:]] == ["macro mean", "micro mean", "weighted mean", "accuracy"]
    assert table.rows[3][1:5] == ["4", "0.833", "0.750", "0.733"]
    assert table.rows[6][:8] == ["accuracy", "4", "", "", "0.750", "", "", "0.500"]
    assert table.rules == {2}


def test_multi_label_says_exact_match_and_counts_labels():
    truth = np.array([[1, 1, 0], [1, 0, 0]])
    both = {"model": classification_metrics(truth, truth, NAMES, multi_label=True)}
    assert summary_table(both, "t").columns[1] == "exact match"
    table = per_class_table(both, "t")
    assert table.rows[-1][:2] == ["exact match", "2"]
    assert table.rows[-2][:2] == ["weighted mean", "3"]
    assert confusion_table(both["model"], "t") is None


def test_confusion_table():
    table = confusion_table(scores([0, 1, 1, 0]), "t")
    assert to_markdown(table) == (
        "| true \\\\ predicted | Permissive | Copyleft | Proprietary Free |\n| :--- | ---: | ---: | ---: |\n"
        "| Permissive | 1 | 1 | 0 |\n| Copyleft | 1 | 1 | 0 |\n| Proprietary Free | 0 | 0 | 0 |\n"
    )
    many = [str(i) for i in range(21)]
    assert confusion_table(scores([0, 1, 1, 0], names=many), "t") is None


def test_grouped_where_it_fits_and_one_a_system_where_not():
    def shown(width):
        out = io.StringIO()
        Console(file=out, width=width).print(PerClassScores(systems(), "per class"))
        text = out.getvalue()
        assert all(len(line) <= width for line in text.splitlines())
        assert "Proprietary Free" in text
        return text

    assert shown(100).count("weighted mean") == 1
    assert shown(60).count("weighted mean") == 3
    assert "per class: tfidf_svm" in shown(60)


def test_no_systems():
    with pytest.raises(ValueError, match="at least one system; got none"):
        summary_table({}, "t")
