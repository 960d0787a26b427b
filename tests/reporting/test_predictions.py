"""The predictions file: its lines, its bytes, its faults."""

import gzip
import json

import pytest

from nlp_transfer.reporting.predictions import write_predictions

ROW = {
    "id": "r1",
    "split": "test",
    "domain": "source",
    "label": "a",
    "predicted": "b",
    "probabilities": {"a": 0.12345678, "b": 0.87654322},
}


def lines(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_lines(tmp_path):
    path = tmp_path / "predictions.jsonl.gz"
    many = {**ROW, "id": "r2", "label": ["a", "b"], "predicted": [], "split": "validation"}
    unlabelled = {key: value for key, value in ROW.items() if key != "label"}
    assert write_predictions(path, iter([ROW, many, unlabelled])) == 3
    first, second, third = lines(path)
    assert first == {**ROW, "probabilities": {"a": 0.123457, "b": 0.876543}}
    assert list(first) == ["id", "split", "domain", "label", "predicted", "probabilities"]
    assert (second["label"], second["predicted"]) == (["a", "b"], [])
    assert third["label"] is None


def test_same_rows_same_bytes(tmp_path):
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write_predictions(tmp_path / name, [ROW] * 100)
    first, second = ((tmp_path / name).read_bytes() for name in ("one.jsonl.gz", "two.jsonl.gz"))
    assert first == second
    assert first[3:8] == b"\0\0\0\0\0"  # neither a name nor a time


def test_no_rows_make_an_empty_file(tmp_path):
    assert write_predictions(tmp_path / "p.jsonl.gz", []) == 0
    assert lines(tmp_path / "p.jsonl.gz") == []


def test_wrong_keys_leave_no_file(tmp_path):
    bad = {"id": "r", "split": "test", "domain": "source", "predicted": "a", "score": 1}
    with pytest.raises(
        ValueError, match=r"Row 1 of the predictions lacks probabilities and has unknown score; its keys"
    ):
        write_predictions(tmp_path / "p.jsonl.gz", [ROW, bad])
    assert list(tmp_path.iterdir()) == []
