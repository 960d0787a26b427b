"""The predictions file: its lines, its bytes, its faults."""

import gzip
import json

import pytest

from nlp_transfer.reporting.predictions import read_predictions, truth_of, write_predictions

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
    write_predictions(path, iter([ROW, many, unlabelled]))
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
    write_predictions(tmp_path / "p.jsonl.gz", [])
    assert lines(tmp_path / "p.jsonl.gz") == []


def test_wrong_keys_leave_no_file(tmp_path):
    bad = {"id": "r", "split": "test", "domain": "source", "predicted": "a", "score": 1}
    with pytest.raises(KeyError, match="probabilities"):
        write_predictions(tmp_path / "p.jsonl.gz", [ROW, bad])
    assert list(tmp_path.iterdir()) == []


def test_predictions_are_read_back_by_domain(tmp_path):
    def row(number: int, domain: str, p: float) -> dict[str, object]:
        return {
            "id": str(number),
            "split": "test",
            "domain": domain,
            "predicted": "a" if p > 0.5 else "b",
            "probabilities": {"a": p, "b": 1 - p},
        }

    write_predictions(tmp_path / "p.jsonl.gz", [row(0, "source", 0.1), row(1, "target", 0.25), row(2, "target", 0.75)])
    probabilities, predicted = read_predictions(tmp_path / "p.jsonl.gz", "target", ["test"])
    assert probabilities.tolist() == [[0.25, 0.75], [0.75, 0.25]]
    assert predicted.tolist() == [1, 0]
    assert len(read_predictions(tmp_path / "p.jsonl.gz", "target", ["validation"])[0]) == 0

    several = {**row(0, "target", 0.75), "predicted": ["b"], "probabilities": {"a": 0.25, "b": 0.75, "c": 0.5}}
    write_predictions(tmp_path / "m.jsonl.gz", [several, {**several, "predicted": []}])
    assert read_predictions(tmp_path / "m.jsonl.gz", "target", ["test"])[1].tolist() == [[0, 1, 0], [0, 0, 0]]


def test_the_truth_is_a_label_entities_a_number_or_a_summary():
    assert truth_of({"label": "a"}) == "a"
    assert truth_of({"entities": [], "references": [3]}) == [3]
    assert truth_of({"summary": "x", "reference": "y"}) == "y"
    assert truth_of({"summary": "x"}) is None
