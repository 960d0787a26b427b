"""Scores beside those that copies of training texts make better."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from datasets import Dataset
from sklearn.metrics import f1_score

from nlp_transfer.reporting.sections.train_test_overlap import train_test_overlap
from nlp_transfer.tasks.base import Predictions
from tests.reporting.sections.reports import alerts_of, rows_of

LEARNED = Dataset.from_dict({"text": ["a text", "another", "the third"], "label": [0, 1, 0]})


def metrics(logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    return {"macro_f1": float(f1_score(labels, logits.argmax(axis=1), average="macro"))}


def found(texts: list[str], labels: list[int], predicted: list[int], learned: Any = None) -> Any:
    corpus = SimpleNamespace(splits={"test": Dataset.from_dict({"text": texts})})
    logits, known = np.eye(2)[predicted], np.array(labels)
    scored = {"source": {"test": Predictions([], logits, known, metrics(logits, known))}}
    return overlap({"source": corpus}, scored, learned or [LEARNED])


def overlap(corpora: Any, scored: Any, learned: Any) -> Any:
    task = SimpleNamespace(score=metrics, primary_metric="macro_f1", label_names=["a", "b"])
    run = SimpleNamespace(task=task, corpora=corpora, scored=scored, learned_labels=lambda: learned)
    section = train_test_overlap(run)
    return rows_of(section), alerts_of(section)


def test_scores_without_copies_are_reported_and_a_better_one_is_warned_of() -> None:
    facts, warnings = found(["a  text", "another", "new", "newer", "newest"], [0, 1, 0, 1, 0], [0, 1, 0, 0, 0])
    # All: class 0 has 3 hits of 4 predicted and 3 true, F1 6/7; class 1 one of 1 and 2, F1 2/3: 0.762. The new ones:
    # class 0 has 2 of 3 predicted and 2 true, F1 4/5; class 1 none: 0.4.
    assert facts == {"source test": "2 of 5 texts; macro-F1 0.400 without them, 0.762 with them"}
    assert warnings == [
        "source test: 2 of 5 texts are exact copies of training texts. Without them macro-F1 is 0.400, not 0.762: take "
        "them out, or let source.split.method near_duplicate make the splits."
    ]


def test_copies_that_make_no_score_better_are_a_fact_and_no_warning() -> None:
    facts, warnings = found(["a text", "new", "newer"], [1, 0, 1], [0, 0, 1])
    assert facts == {"source test": "1 of 3 texts; macro-F1 1.000 without them, 0.667 with them"}
    assert warnings == []


def test_a_split_of_copies_alone_says_nothing() -> None:
    facts, warnings = found(["a text", "another"], [0, 1], [0, 1])
    assert facts == {"source test": "all 2 texts"}
    assert warnings == [
        "source test: 2 of 2 texts are exact copies of training texts: its scores say nothing of other texts."
    ]


def test_new_texts_and_rows_of_another_domain_that_were_learned_from() -> None:
    assert found(["new", "newer"], [0, 1], [0, 1]) == ({}, [])
    other = Dataset.from_dict({"text": ["newer"]})
    facts, _ = found(["new", "newer"], [0, 1], [0, 1], [LEARNED, other])
    assert list(facts) == ["source test"]


def test_splits_without_labels_are_left_out() -> None:
    corpus = SimpleNamespace(splits={"test": LEARNED})
    scored = {"target": {"test": Predictions([], np.eye(2)[[0, 1, 0]], None, {})}}
    assert overlap({"target": corpus}, scored, [LEARNED]) == ({}, [])
