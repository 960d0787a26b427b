"""Baselines on rows whose answer is plain, and on real corpora against known figures."""

import gzip
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.classification.baselines import (
    BASELINES,
    chance,
    majority,
    predict_all,
    score_baselines,
    tfidf_svm,
)
from nlp_transfer.tasks.classification.decision import Decision

DATA = Path(os.environ.get("NLP_TRANSFER_DATA") or Path(__file__).parents[3] / ".." / "shared" / "data")

TEXTS = ["free to copy", "free to share", "no copying at all", "copying not permitted"]


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_table():
    assert list(BASELINES) == ["majority", "tfidf_svm", "chance"]


def test_chance_is_uniform_whatever_training_holds():
    predicted = chance(TEXTS, np.array([2, 2, 2, 0]))(["x"] * 3000)
    assert np.bincount(predicted) == pytest.approx([1000, 1000, 1000], abs=100)
    several = chance(TEXTS, np.array([[1, 0], [1, 0], [1, 1], [0, 0]]))(["x"] * 3000)
    assert several.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)
    assert (chance(TEXTS, np.array([0, 1, 1, 1]))(["x"] * 9) == chance(TEXTS, np.array([0, 1, 1, 1]))(["x"] * 9)).all()


def test_majority_single_label():
    predict = majority(TEXTS, np.array([2, 1, 2, 0]))
    assert predict(["x", "y", "z"]).tolist() == [2, 2, 2]
    assert predict([]).shape == (0,)
    assert majority(["a", "b"], np.array([1, 0]))(["x"]).tolist() == [0]  # a tie goes to the lower id


def test_majority_multi_label_predicts_what_more_than_half_have():
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]])  # 3/4, exactly half, none
    predictions = majority(TEXTS, labels)(["x", "y"])
    assert predictions.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert predictions.dtype == np.int64


def test_svm_single_label():
    predict = tfidf_svm(TEXTS, np.array([0, 0, 3, 3]))
    assert predict(["free to use", "copying is not permitted"]).tolist() == [0, 3]


def test_svm_multi_label_with_constant_columns():
    labels = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0]])
    predictions = tfidf_svm(TEXTS, labels)(["free to use", "copying is not permitted"])
    assert predictions.tolist() == [[1, 0, 1, 0], [0, 1, 1, 0]]


def test_svm_on_texts_that_share_no_term():
    predict = tfidf_svm(["alpha", "beta"], np.array([0, 1]))
    assert predict(["beta", "alpha"]).tolist() == [1, 0]


def test_svm_on_texts_without_words_and_on_one_class_falls_back():
    assert tfidf_svm(["!", "?", "…"], np.array([1, 1, 0]))(["free"]).tolist() == [1]
    assert tfidf_svm(["!", "?"], np.array([[1, 0], [1, 0]]))(["free"]).tolist() == [[1, 0]]
    assert tfidf_svm(TEXTS, np.array([2, 2, 2, 2]))(["free", "other"]).tolist() == [2, 2]


def test_svm_is_deterministic():
    labels = np.array([0, 1, 2, 1])
    assert tfidf_svm(TEXTS, labels)(TEXTS).tolist() == tfidf_svm(TEXTS, labels)(TEXTS).tolist()


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
def test_wrong_inputs(baseline):
    with pytest.raises(ValueError, match=r"needs rows with labels; got 2 texts and labels of \(1,\)\."):
        baseline(["a", "b"], np.array([0]))
    with pytest.raises(ValueError, match="needs rows with labels"):
        baseline([], np.array([]))


@pytest.mark.parametrize(
    ("corpus", "accuracy", "macro_f1"),
    [
        pytest.param("legal/licenses", 0.768, 0.561, marks=pytest.mark.slow),
        ("biomed/chemprot", 0.601, 0.350),
        ("science/scicite", 0.826, 0.810),
    ],
)
def test_svm_reaches_the_known_figures(corpus, accuracy, macro_f1):
    if not (DATA / corpus).is_dir():
        pytest.skip(f"{DATA / corpus} is not there; set NLP_TRANSFER_DATA to the folder of the corpora")
    rows = {}
    for split in ("train", "test"):
        with gzip.open(DATA / corpus / f"{split}.jsonl.gz", "rt", encoding="utf-8") as file:
            rows[split] = [json.loads(line) for line in file]
    names = sorted({row["label"] for split in rows.values() for row in split})
    texts = {split: [row["text"] for row in rows[split]] for split in rows}
    labels = {split: np.array([names.index(row["label"]) for row in rows[split]]) for split in rows}
    predictions = tfidf_svm(texts["train"], labels["train"])(texts["test"])
    scores = classification_metrics(predictions, labels["test"], names, multi_label=False)
    assert scores["accuracy"] == pytest.approx(accuracy, abs=0.004)
    assert scores["macro_f1"] == pytest.approx(macro_f1, abs=0.004)


def test_texts_without_labels_are_predicted_by_cheap_baselines_and_scored_by_none():
    logits = np.zeros((2, 2))
    scored = {
        "source": {"test": Predictions(["a", "b"], logits, np.array([0, 1]), {})},
        "target": {"unlabeled": Predictions(["c", "d"], logits, None, {})},
    }
    ones = np.ones(2, dtype=np.int64)
    found = predict_all(
        [("tfidf_svm", lambda *_: ones), ("first_window", lambda *_: ones)], scored, slow=["first_window"]
    )
    assert found["tfidf_svm"] == {"source": {"test": ones}, "target": {"unlabeled": ones}}
    assert found["first_window"] == {"source": {"test": ones}, "target": {}}
    scores = score_baselines(found, scored, Decision.plain(["no", "yes"], multi_label=False))
    assert {name: list(domains) for name, domains in scores.items()} == {
        "tfidf_svm": ["source"],
        "first_window": ["source"],
    }
