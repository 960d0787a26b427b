"""What every metric promises: it is evaluate's, it needs no network, it is exact on perfect and on wrong answers."""

import socket

import evaluate
import numpy as np
import pytest
from transformers import TrainerState

from nlp_transfer import TransferArguments
from nlp_transfer.errors import DataError
from nlp_transfer.metrics.classification import ClassificationScores
from nlp_transfer.metrics.metric import ClassificationRows, Metric
from nlp_transfer.metrics.table import METRICS, classification_metrics, metrics_of
from nlp_transfer.reporting.sections.results import result_tables
from nlp_transfer.tasks import TASKS, SequenceClassification
from nlp_transfer.training.progress import progress_line

NAMES = ["a", "b", "c"]
TRUTH = {False: np.array([0, 1, 2, 1]), True: np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]])}


@pytest.fixture(params=[False, True], ids=["single", "multi"])
def metric(request, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a metric opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    return ClassificationScores(NAMES, multi_label=request.param), TRUTH[request.param]


def test_it_is_evaluates_and_deterministic(metric):
    made, truth = metric
    assert isinstance(made, evaluate.Metric)
    first = made.compute(predictions=truth, references=truth)
    assert first == made.compute(predictions=truth, references=truth)
    assert first


def test_perfect_answers_score_one_and_wrong_ones_less(metric):
    made, truth = metric
    perfect = made.compute(predictions=truth, references=truth)
    wrong = (truth + 1) % 3 if truth.ndim == 1 else 1 - truth
    worse = made.compute(predictions=wrong, references=truth)
    for name, value in perfect.items():
        if isinstance(value, float):
            assert value == (0.0 if name == "hamming_loss" else 1.0), name
            assert worse[name] != value


def test_nothing_to_score_is_an_error(metric):
    made, truth = metric
    with pytest.raises(DataError, match="Nothing to score"):
        made.compute(predictions=truth[:0], references=truth[:0])


def test_a_new_metric_is_one_object_and_one_line(monkeypatch):
    def rare(rows):
        return {"rare": float(np.mean(np.asarray(rows.predictions) == 2))}

    new = Metric(
        "rare", False, rare, ClassificationRows, "rare class", heading=("", "rare"), logged=True, compared=True
    )
    monkeypatch.setitem(METRICS, new.name, new)
    scores = classification_metrics([0, 2, 2, 1], [0, 1, 2, 1], NAMES, multi_label=False)
    assert scores["rare"] == 0.5
    assert "rare" in SequenceClassification.metric_names()
    table = result_tables({"model": scores}, "t", [ClassificationRows])[0]
    assert (table.columns[-1], table.rows[0][-1]) == ("rare", "0.500")
    line = progress_line({"eval_rare": 0.5, "eval_loss": 1.0}, TrainerState(max_steps=2))
    assert line.endswith("validation: rare class 0.5000 · loss 1.0000")
    assert TransferArguments("runs/x", metric_for_best_model="rare", use_cpu=True).greater_is_better is False


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_known_by_its_name_and_computed_of_its_rows(name):
    metric = METRICS[name]
    assert metric.name == name
    assert metric in metrics_of(metric.rows)
    assert metric.replaces in (None, *METRICS)
    assert metric.requires in (None, *METRICS)


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_every_task_has_a_primary_metric_with_a_direction(task):
    metric = METRICS[task.primary_metric]
    assert metric.rows in task.scored_rows
    assert metric.greater_is_better is not None
    assert metric.name in task.metric_names()
