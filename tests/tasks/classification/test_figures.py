"""The figures of a classifier, against values computed by hand."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from nlp_transfer.metrics.probability_scores import BINS
from nlp_transfer.tasks.charts import Bars, Points
from nlp_transfer.tasks.classification.figures import (
    BAR_CLASSES,
    CURVE_POINTS,
    accuracy_by_length,
    class_bars,
    confusion_grid,
    reliability,
    risk_coverage,
    scores_by_frequency,
    wilson_interval,
)
from nlp_transfer.tasks.classification.sections import confusion_table


def per_class(**f1):
    return {"per_class": {name: {"f1": value, "support": place} for place, (name, value) in enumerate(f1.items())}}


def test_bars_of_classes():
    made = class_bars(per_class(a=0.5, b=None, c=0.75))
    assert made.chart == Bars("F1", {"a": 0.5, "b": None, "c": 0.75}, {"a": "0", "b": "1", "c": "2"})
    assert made.alt == "F1 by class: lowest a 0.500, highest c 0.750"


def test_of_many_classes_the_worst_have_bars():
    made = class_bars(per_class(**{f"c{number}": number / 100 for number in range(99, -1, -1)}))
    assert list(made.chart.bars) == [f"c{number}" for number in range(BAR_CLASSES)]
    assert made.caption == "The 40 classes of the lowest F1 out of 100, with the number of their rows."


def test_a_confusion_matrix_in_colours():
    scores = {**per_class(a=0.5, b=0.5), "confusion_matrix": [[3, 1], [2, 4]]}
    made = confusion_grid(scores, confusion_table(scores, ""))
    assert (made.chart.names, made.chart.counts) == (["a", "b"], [[3, 1], [2, 4]])
    assert made.alt == "Confusion matrix: 7 of 10 rows are on its diagonal"


def test_bins_have_equally_many_texts():
    confidence = np.repeat([0.9, 0.6], 20)
    right = np.concatenate([np.ones(10), np.zeros(10), np.ones(15), np.zeros(5)]).astype(bool)
    made = reliability(confidence, right, "source test")
    assert made.chart.lines == {"model": [[0.6, 0.75], [0.9, 0.5]]}
    assert made.caption.startswith("Reliability of source test: 2 bins of 20 to 20 predictions.")
    assert "mean distance from the diagonal 0.275" in made.alt  # (|0.6 - 0.75| + |0.9 - 0.5|) / 2


def test_equal_confidences_are_answered_together():
    made = risk_coverage(np.array([0.9, 0.5, 0.5, 0.5]), np.array([True, False, True, False]), "w")
    assert made.chart.lines == {"model": [[0.25, 0.0], [1.0, 0.5]]}


def test_accuracy_by_length():
    made = accuracy_by_length(np.array([8, 1, 7, 2, 6, 3, 5, 4]), np.array([0, 1, 0, 1, 1, 1, 1, 0], dtype=bool), "w")
    assert {name: dot[0] for name, dot in made.chart.dots.items()} == {
        "1 to 2 tokens": 1.0,
        "3 to 4 tokens": 0.5,
        "5 to 6 tokens": 1.0,
        "7 to 8 tokens": 0.0,
    }


def test_texts_of_one_length_are_one_group():
    made = accuracy_by_length(np.full(8, 5), np.ones(8, dtype=bool), "w")
    assert list(made.chart.dots) == ["5 tokens"]


@pytest.mark.parametrize(
    ("right", "rows", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_wilson_intervals_are_those_of_scipy(right, rows, low, high):
    from scipy.stats import binomtest

    found = wilson_interval(right, rows)
    assert found == [right / rows, low, high]
    interval = binomtest(right, rows).proportion_ci(method="wilson")
    assert found[1:] == pytest.approx(list(interval), abs=1e-4)


def test_classes_by_their_frequency_in_training():
    made = scores_by_frequency({"a": 3, "b": 1200}, per_class(a=0.25, b=0.75), "w")
    assert made.chart == Bars("F1", {"b": 0.75, "a": 0.25}, {"a": "3", "b": "1,200"})
    assert made.alt == "F1 by class frequency in training, w: b (1,200) 0.750; a (3) 0.250"
    many = {f"c{number}": number for number in range(30)}
    made = scores_by_frequency(many, per_class(**dict.fromkeys(many, 0.5)), "w")
    assert isinstance(made.chart, Points) and made.chart.log_x
    assert made.chart.groups["classes"][-1] == [0.5, 0.5]  # a class that is not learned from


def test_figures_of_many_rows_are_small():
    generator = np.random.default_rng(0)
    confidence, right = generator.random(100_000), generator.random(100_000) < 0.5
    made = [reliability(confidence, right, "w"), risk_coverage(confidence, right, "w")]
    assert len(made[0].chart.lines["model"]) == BINS
    assert len(made[1].chart.lines["model"]) == CURVE_POINTS
    assert len(json.dumps([asdict(one) for one in made])) < 10_000
