"""Classification of texts: its baselines, and those of documents in windows."""

import numpy as np

from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.tasks import SequenceClassification
from nlp_transfer.tasks.classification.baselines import BASELINES
from nlp_transfer.tasks.classification.window_baselines import WINDOW_BASELINES


def test_baselines_of_windows_go_with_windows():
    assert SequenceClassification.baseline_names == (*BASELINES, *WINDOW_BASELINES, "nli")
    assert SequenceClassification().default_baselines == ("majority", "tfidf_svm")
    assert set(SequenceClassification(long_documents="windows").default_baselines) >= set(WINDOW_BASELINES)


def test_the_tables_of_classes_leave_baselines_of_windows_out():
    scores = classification_metrics(np.array([0, 1]), np.array([0, 1]), ["a", "b"], multi_label=False)
    shown = str(SequenceClassification.details({"model": scores, "tfidf_svm": scores, "first_window": scores}))
    assert "tfidf_svm" in shown
    assert "first_window" not in shown
