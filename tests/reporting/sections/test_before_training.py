"""The model before training: its scores, and what adaptation without a source changed."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from nlp_transfer.methods import SourceFree
from nlp_transfer.reporting.sections import before_training
from nlp_transfer.reporting.sections.before_training import scores_before, without_source
from nlp_transfer.tasks import SequenceClassification
from nlp_transfer.tasks.base import Predictions
from tests.reporting.sections.reports import alerts_of, rows_of

LABELS = np.array([0, 0, 1, 1])
BEFORE = np.log([[0.8, 0.2], [0.4, 0.6], [0.4, 0.6], [0.2, 0.8]])
NOW = np.log([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.1, 0.9]])


def finished(labels: np.ndarray | None = LABELS, sources: tuple[str, ...] = ()) -> Any:
    """A run on four texts of two classes; the second text is right now, and was not before."""

    def side(logits: np.ndarray) -> dict[str, dict[str, Predictions]]:
        metrics = {} if labels is None else {"macro_f1": 0.5}
        return {"source": {}, "target": {"test": Predictions(list("abcd"), logits, labels, metrics)}}

    def lines(one: Predictions, rows: Any) -> Any:
        names, chosen = ["negative", "positive"], one.logits.argmax(axis=1)
        truth = [None] * 4 if one.labels is None else [names[label] for label in one.labels]
        chances = dict.fromkeys(names, 0.5)
        for label, place in zip(truth, chosen, strict=True):
            yield {"label": label, "predicted": names[place], "probabilities": chances}

    task = SimpleNamespace(
        label_names=["negative", "positive"],
        config=SequenceClassification(),
        row_keys=("label", "predicted", "probabilities"),
        rows=lines,
        predictions=lambda logits: logits.argmax(axis=1),
        probabilities=lambda logits: softmax(logits, axis=1),
        gains=lambda ours, theirs: {"gain": 1.0},
    )
    network = nn.Module()
    network.register_buffer("frequencies", torch.tensor([0.6, 0.4]))
    return SimpleNamespace(
        task=task,
        scored=side(NOW),
        before=side(BEFORE),
        rows={"target": {"test": None}},
        experiment=SimpleNamespace(sources=sources, methods=[SourceFree()], model="runs/first/model"),
        trainer=SimpleNamespace(networks={"source_free": network}),
        predictions="runs/second/predictions.jsonl.gz",
    )


def test_what_changed() -> None:
    section = without_source(finished(None))
    assert rows_of(section) == {
        "texts whose class changed": "1 of 4 (25.0%)",
        "predicted negative": "25.0% before, 50.0% now; 60.0% expected",
        "predicted positive": "75.0% before, 50.0% now; 40.0% expected",
        "mean confidence": "0.700 before, 0.750 now",
    }
    assert alerts_of(section) == [
        "Adaptation without a source changed the class of 1 of 4 target texts, and class shares by 25.0 points. No label "
        "judges that. Label some texts whose class changed: compare runs/second/predictions.jsonl.gz with what "
        "`nlp-transfer predict` gives for runs/first/model."
    ]
    assert without_source(finished(sources=("books",))) is None


def test_with_labels_only_a_large_shift_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    (warning,) = alerts_of(without_source(finished()))
    assert warning.endswith("Look at the scores of both models on these texts, from which it learned without labels.")
    monkeypatch.setattr(before_training, "MAX_SHIFT", 0.25)
    assert alerts_of(without_source(finished())) == []


def test_scores_come_with_the_gain_over_them() -> None:
    scores = scores_before(finished())["target"]["test"]
    assert scores["macro_f1"] == 0.5
    assert 0 == scores["macro_f1_gain_low"] < scores["macro_f1_gain_high"]
    assert scores_before(finished(None)) == {"source": {}, "target": {}}
    run = finished()
    run.task.row_keys = ()
    assert scores_before(run)["target"]["test"] == {"macro_f1": 0.5, "gain": 1.0}
