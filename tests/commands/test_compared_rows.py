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


def test_classes_with_an_order_are_compared_by_kappa_and_others_by_macro_f1():
    rows = [
        {"id": i, "split": "test", "domain": "source", "label": name, "predicted": name} for i, name in enumerate("abc")
    ]
    rows[2] = {**rows[2], "predicted": "b"}
    scores: dict[str, Any] = {"per_class": dict.fromkeys("abc")}
    run: Any = SimpleNamespace(report=SimpleNamespace(metrics={"source": {"test": scores}}))
    assert scores_of(run, [rows])[0].name == "macro_f1"
    scores["quadratic_kappa"] = 0.8
    metric, found = scores_of(run, [rows])
    assert metric.name == "quadratic_kappa"
    assert found.observed().tolist() == pytest.approx([1 - 1 / (5 + 2 - 2 * 3 * 2 / 3)])


def test_numbers_are_compared_by_r2():
    def number(row_id: int, predicted: Any, reference: Any) -> dict[str, Any]:
        return {"id": row_id, "split": "test", "domain": "source", "reference": reference, "predicted": predicted}

    run: Any = SimpleNamespace()
    metric, found = scores_of(
        run, [[number(0, 1.0, 1.0), number(1, 2.0, 3.0)], [number(1, 3.0, 3.0), number(0, 1.0, 1.0)]]
    )
    assert metric.name == "r2"
    assert found.observed().tolist() == pytest.approx([0.5, 1.0])
    _, several = scores_of(
        run,
        [
            [
                number(0, {"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}),
                number(1, {"a": 2.0, "b": 4.0}, {"a": 3.0, "b": 4.0}),
            ]
        ],
    )
    assert several.observed().tolist() == pytest.approx([0.75])
