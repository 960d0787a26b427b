"""What runs are compared by, from their lines of predictions."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nlp_transfer.commands.compared_rows import scores_of, truth_of
from nlp_transfer.metrics.significance import CountScores, compare_systems

DRUG = {"start": 0, "end": 4, "label": "DRUG"}
TIME = {"start": 5, "end": 9, "label": "TIME"}


def line(row_id: int, found: list[Any]) -> dict[str, Any]:
    return {"id": row_id, "split": "test", "domain": "source", "entities": found, "references": [DRUG]}


def test_the_truth_is_a_label_entities_or_a_summary():
    assert truth_of({"label": "a"}) == "a"
    assert truth_of({"entities": [], "references": [DRUG]}) == [DRUG]
    assert truth_of({"summary": "x", "reference": "y"}) == "y"
    assert truth_of({"summary": "x"}) is None


def test_entities_are_compared_by_strict_f1():
    ours = [line(0, [DRUG]), line(1, [DRUG, TIME])]
    theirs = [line(1, [TIME]), line(0, [DRUG])]
    run: Any = SimpleNamespace()
    metric, scores = scores_of(run, [ours, theirs])
    assert metric.name == "entity_f1"
    assert scores.observed().tolist() == pytest.approx([4 / 5, 2 / 4])


def test_swapping_all_rows_turns_the_difference():
    counts = np.zeros((2, 40, 3), dtype=int)
    counts[:, :, 2] = counts[:, :, 1] = 1
    counts[0, :, 0] = 1
    scores = CountScores(counts)
    assert scores.observed().tolist() == [1.0, 0.0]
    assert scores.resampled(10, 0).tolist() == [[1.0] * 10, [0.0] * 10]
    swapped = scores.swapped(0, 1, 2000, 0)
    assert abs(swapped.mean()) < 0.02
    (found,) = compare_systems(scores, {"b": [1], "a": [0]})
    assert found.clear
