"""Classification of texts: its baselines, and those of documents in windows."""

from types import SimpleNamespace

import numpy as np
from datasets import Dataset

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.tasks import SequenceClassification
from nlp_transfer.tasks.base import Predictions
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


def test_a_report_has_the_section_about_transductive_inference(corpus):
    loaded = load_corpus(CorpusConfig(str(corpus)))
    task = SequenceClassification().fit(loaded)
    texts = [f"{words} {day}" for day in range(250) for words in ("fine weather", "heavy rain")]
    logits = np.random.default_rng(0).normal(size=(500, 3))
    made = Predictions(texts, logits, None, {})
    rows = Dataset.from_dict({"text_length": [3] * 500, "read": [3] * 500})
    several = SimpleNamespace(splits={"test": {"text": texts}})
    sections = task.sections(
        {"source": loaded, "target": several}, {"target": {"test": made}}, {"target": {"test": rows}}
    )
    assert [section.title for section in sections] == ["Transductive inference"]
