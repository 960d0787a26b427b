"""Classification of texts fits its decision to tokens, and reports long documents."""

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer import corpus_from
from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.sequence_classification.task import SequenceClassification
from tests.tiny_runs import rows

CORPUS = {name: rows(12, seed=seed) for seed, name in enumerate(("train", "validation"))}


def fitted(**settings):
    frames = {name: Dataset.from_list(part) for name, part in CORPUS.items()}
    return SequenceClassification(**settings).fit(corpus_from(frames))


def test_the_record_has_the_length_and_the_decision():
    task = fitted(max_length=48)
    assert task.settings() == {"max_length": 48, **task.windows.record(), **task.decision.record()}


def test_the_decision_knows_the_most_frequent_tokens():
    task = fitted()
    logits, labels = np.eye(3, dtype=np.float32)[[0, 1, 2]] * 4, np.array([0, 1, 2])
    assert task.decision.frequencies is None
    task.fit_decision(logits, labels, Dataset.from_dict({"input_ids": [[5, 6], [5, 7], [5]]}))
    assert task.decision.frequencies.texts == 3


def test_values_of_reading_and_of_classes_are_refused_together():
    with pytest.raises(ConfigError) as error:
        SequenceClassification(max_length=2, focal_gamma=-1)
    assert list(error.value.problems) == [
        "task.max_length is 2; a text needs at least 3 tokens.",
        "task.focal_gamma is -1; expected 0 or more.",
    ]
