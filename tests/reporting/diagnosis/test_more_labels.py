"""The gain of more labels, from shares of those that there are."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nlp_transfer.reporting.diagnosis.more_labels import more_labels
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Table, Text


def with_rows(data: DiagnosisData, features: np.ndarray, labels: np.ndarray) -> Any:
    """The data with other rows, each a group of its own."""
    made = DiagnosisData(data.experiment, data.prepared)
    count = len(labels)
    given: dict[str, Any] = {"ids": list(range(count)), "texts": [""] * count, "splits": np.array(["train"] * count)}
    made.__dict__["source"] = replace(data.source, labels=labels, features={1: features}, **given)
    made.__dict__["groups"] = np.arange(count)
    return made


def tables(section: Any) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def test_more_labels_help_where_they_are_few_for_the_dimensions(data: DiagnosisData) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=240)
    features = (rng.normal(size=(240, 60)) + 0.45 * np.eye(3, 60)[labels] * np.sqrt(60) / 2).astype(np.float32)
    curve, expected = tables(more_labels(with_rows(data, features, labels)))
    assert [row[0] for row in curve.rows] == ["60", "120", "240"]
    scores = [float(row[1]) for row in curve.rows]
    assert scores[0] < scores[1] < scores[2]
    assert [row[0] for row in expected.rows] == ["100", "200", "240"]
    gain = 0.7 * (scores[2] - scores[0]) / 2
    assert float(expected.rows[-1][1]) == pytest.approx(100 * gain, abs=0.1)
    assert float(expected.rows[0][1]) == pytest.approx(100 * gain * np.log2(1 + 100 / 240), abs=0.1)
    assert float(expected.rows[-1][2]) <= float(expected.rows[-1][1]) <= float(expected.rows[-1][3])


def test_too_few_rows_to_say(data: DiagnosisData) -> None:
    rng = np.random.default_rng(0)
    section = more_labels(with_rows(data, rng.normal(size=(60, 8)).astype(np.float32), np.arange(60) % 3))
    (text,) = section.blocks
    assert isinstance(text, Text)
    assert text.markdown == "60 labelled texts are too few to say what more would bring; 120 are needed."
