"""Adaptation without a source: the classes of a trained model, and confidence that adaptation does not raise."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.training import without_source
from nlp_transfer.training.without_source import classes_of_model, keep_confidence
from tests.tiny_classifiers import LABELS


def test_the_classes_are_those_of_the_model(tiny_classifier) -> None:
    corpus = classes_of_model(ModelReference(str(tiny_classifier)))
    assert corpus.label_names == list(LABELS)
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 0}


def test_other_models_are_refused(tiny_multi_label_classifier, encoder) -> None:
    with pytest.raises(ConfigError, match=r"gives a text several labels, .* Train on a source with the target"):
        classes_of_model(ModelReference(str(tiny_multi_label_classifier)))
    with pytest.raises(ConfigError, match=r"has no trained head for these classes, and there is no source"):
        classes_of_model(ModelReference(str(encoder)))


def scaled(monkeypatch: pytest.MonkeyPatch, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The adapted model's logits once its confidence is that of the model before."""
    layer = nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(2))
        layer.bias.zero_()
    monkeypatch.setattr(without_source, "predict", lambda *_: (after, None))
    monkeypatch.setattr(without_source, "final_layer", lambda _: layer)
    ids = [str(number) for number in range(len(before))]
    rows: Any = {"test": None}
    keep_confidence(SimpleNamespace(), rows, {"test": Predictions(ids, before, None, {})})  # type: ignore[arg-type]
    return layer(torch.from_numpy(after)).detach().numpy()


def confidence(logits: np.ndarray) -> float:
    return float(softmax(logits, axis=1).max(axis=1).mean())


def test_the_mean_confidence_stays_and_so_do_the_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    after = 9 * before
    made = scaled(monkeypatch, before, after)
    assert confidence(after) > confidence(before) + 0.2
    assert confidence(made) == pytest.approx(confidence(before), abs=1e-4)
    np.testing.assert_allclose(made, before, atol=1e-3)


def test_a_confidence_out_of_reach_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = np.array([[50.0, -50.0]], np.float32)
    after = np.array([[0.001, 0.0]], np.float32)
    np.testing.assert_allclose(scaled(monkeypatch, before, after), after)
