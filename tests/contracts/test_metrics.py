"""What every metric promises: it is evaluate's, it needs no network, it is exact on perfect and on wrong answers."""

import socket

import evaluate
import numpy as np
import pytest

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.classification import METRICS

NAMES = ["a", "b", "c"]
CASES = [(metric, kind) for metric in METRICS for kind in metric.kinds]
TRUTH = {False: np.array([0, 1, 2, 1]), True: np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]])}


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].__name__}-{'multi' if case[1] else 'single'}")
def metric(request, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a metric opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    cls, multi_label = request.param
    return cls(NAMES, multi_label=multi_label), TRUTH[multi_label]


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
