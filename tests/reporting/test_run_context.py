"""What a finished training leaves for its report."""

from types import SimpleNamespace

import numpy as np

from nlp_transfer.methods.joint import Joint
from nlp_transfer.reporting.run_context import RunContext, facts_of, metrics_of, prediction_rows
from nlp_transfer.tasks.base import Predictions


def test_lines_name_their_split_and_domain():
    run = SimpleNamespace(
        task=SimpleNamespace(rows=lambda one, rows: ({"id": f"{one}{row}"} for row in rows)),
        scored={"source": {"test": "s"}, "target": {"train": "t"}},
        rows={"source": {"test": [1, 2]}, "target": {"train": [3]}},
    )
    assert list(prediction_rows(run)) == [
        {"id": "s1", "split": "test", "domain": "source"},
        {"id": "s2", "split": "test", "domain": "source"},
        {"id": "t3", "split": "train", "domain": "target"},
    ]


def test_splits_without_labels_have_no_metrics():
    logits = np.eye(2)
    scored = {
        "source": {"test": Predictions([], logits, np.array([0, 1]), {"macro_f1": 1.0})},
        "target": {"test": Predictions([], logits, None, {})},
    }
    assert metrics_of(scored) == {"source": {"test": {"macro_f1": 1.0}}, "target": {}}


def test_a_target_whose_labels_were_learned_from_counts_as_learned():
    corpora = {domain: SimpleNamespace(splits={"train": f"{domain} rows"}) for domain in ("source", "target")}
    experiment = SimpleNamespace(methods=(Joint(),), training=SimpleNamespace(output_dir="runs/a"))
    run = RunContext(experiment, None, None, corpora, {}, {}, {}, None, None)
    assert run.learned_labels() == ["source rows", "target rows"]
    assert str(run.predictions) == "runs/a/predictions.jsonl.gz"


def test_facts_count_what_was_tried():
    context = SimpleNamespace(facts={"frozen_encoder": {"layer": 2, "candidates": [{"layer": 1}, {"layer": 2}]}})
    trainer = SimpleNamespace(summary=lambda: {"padding is computed": "unpadding is off"})
    loaded = SimpleNamespace(notes=("The head is new.",))
    assert facts_of(loaded, {}, trainer, context) == {
        "The head is new.": True,
        "padding is computed": "unpadding is off",
        "frozen_encoder": {"layer": 2, "candidates": 2},
    }
