"""The frozen encoder on some windows of long documents."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from nlp_transfer.data.encoding.document_windows import WindowEncoder
from nlp_transfer.data.encoding.tokens import truncated_columns
from nlp_transfer.tasks.classification.losses import multi_label_loss
from nlp_transfer.tasks.classification.window_baselines import (
    FIRST_TOKENS,
    WINDOW_BASELINES,
    _Documents,
    first_tokens,
    fit_classifier,
)
from nlp_transfer.tasks.sequence_classification.task import SequenceClassification
from tests.tasks.reading.test_long_documents import documents


def test_choices() -> None:
    random = np.random.default_rng(0)
    assert WINDOW_BASELINES["first_window"](5, random) == [FIRST_TOKENS]
    assert WINDOW_BASELINES["head_and_tail"](5, random) == [FIRST_TOKENS, 4]
    assert WINDOW_BASELINES["all_windows"](3, random) == [0, 1, 2]
    drawn = [WINDOW_BASELINES["random_windows"](5, random) for _ in range(20)]
    assert all(len(set(one)) == 2 for one in drawn)
    assert {place for one in drawn for place in one} == set(range(5))


def test_first_tokens_are_those_of_truncation(encoder: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(encoder)
    texts = [row["text"] for row in documents(6, 0)] + ["use", "\n"]
    truncated = truncated_columns(texts, tokenizer=tokenizer, max_length=16)["input_ids"]
    encoded = WindowEncoder(tokenizer, 16, overlap=4).columns(texts)
    found = [first_tokens(*row, max_length=16) for row in zip(encoded["input_ids"], encoded["window_ids"], strict=True)]
    assert found == truncated


def test_features_are_means_weighted_by_tokens() -> None:
    made = object.__new__(_Documents)
    made.documents, made.counts = np.array([0, 0, 1]), np.array([3, 1, 7])
    made.of_windows = np.array([[4.0], [8.0], [5.0]])
    made.of_firsts, made.first_counts = np.array([[1.0], [9.0]]), np.array([2, 2])
    features = {name: made.features(choice).tolist() for name, choice in WINDOW_BASELINES.items()}
    assert features["all_windows"] == [[5.0], [5.0]]
    assert features["first_window"] == [[1.0], [5.0]]
    assert features["head_and_tail"] == [[pytest.approx((8 * 1 + 1 * 2) / 3)], [5.0]]
    assert features["random_windows"] == [[5.0], [5.0]]


class Task:
    """The parts of a fitted task that a classifier is fitted for."""

    label_names, multi_label = ["common", "rare"], True

    @staticmethod
    def row_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return multi_label_loss(logits, labels)


def test_several_labels_are_decided_by_tuned_thresholds() -> None:
    x = torch.linspace(-1, 1, 40)[:, None]
    labels = torch.stack([torch.ones(40), (x[:, 0] > 0.7).float()], dim=1)
    plain, tuned = (
        fit_classifier({"train": (0.1 * x, labels), "validation": (0.1 * x, labels)}, Task(), tune_thresholds=tune)  # type: ignore[arg-type]
        for tune in (False, True)
    )
    assert plain.decision.thresholds is None or plain.decision.thresholds.tolist() == [0.5, 0.5]
    assert tuned.decision.thresholds is not None and tuned.decision.thresholds[1] < 0.5
    assert tuned.predict(0.1 * x)[:, 1].tolist() == labels[:, 1].tolist()
    assert plain.predict(0.1 * x)[:, 1].sum() < labels[:, 1].sum()  # few rows have the label: none is likelier than not


def test_without_validation_there_is_no_choice() -> None:
    x, labels = torch.linspace(-1, 1, 40)[:, None], torch.ones(40, 2)
    classifier = fit_classifier({"train": (x, labels)}, Task(), tune_thresholds=True)  # type: ignore[arg-type]
    assert classifier.predict(x).tolist() == labels.tolist()


def test_they_belong_to_documents_in_windows() -> None:
    names = SequenceClassification(long_documents="windows").default_baselines
    assert names == ("majority", "tfidf_svm", *WINDOW_BASELINES)
    assert SequenceClassification().default_baselines == ("majority", "tfidf_svm")
