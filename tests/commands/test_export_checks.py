"""Logits and decisions of a graph are compared with PyTorch's."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from nlp_transfer.commands.export_checks import CHECK_ROWS, SENTENCES, ExportCheck, check_texts, compare
from nlp_transfer.errors import DataError

PREDICTOR = SimpleNamespace(
    origin="",
    kind="texts",
    max_length=40,
    keeps=lambda texts, expected, found: [a.argmax() == b.argmax() for a, b in zip(expected, found, strict=True)],
    row_of=lambda text: text,
)


def test_the_largest_difference_and_the_share_of_equal_predictions():
    expected, found = np.array([[1.0, -4.0], [0.5, 0.0]]), np.array([[1.0, -4.5], [0.0, 0.25]])
    assert compare(PREDICTOR, ["a", "b"], expected, found) == (0.5, 4.0, 0.5)


@pytest.mark.parametrize(
    ("precision", "difference", "agreement", "problem"),
    [
        ("float32", 1e-5, 1.0, None),
        ("float32", 1e-3, 1.0, "float32: logits differ by up to 0.001 (0.0003 is allowed)"),
        ("float32", 0.0, 0.9, "float32: logits differ by up to 0 (0.0003 is allowed), and 90.00% of 10 rows"),
        ("int8", 0.5, 0.98, None),
        ("int8", 0.5, 0.9, "int8: 90.00% of 10 rows keep their predictions, and 98.00% must."),
    ],
)
def test_what_is_refused(precision, difference, agreement, problem):
    found = ExportCheck(precision, 10, difference, 3.0, agreement, 1024).problem(0.98)
    assert found is None if problem is None else str(found).startswith(problem)


def test_texts_of_a_file_and_one_of_the_greatest_length(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"text": f"w{i} w{i}"}) + "\n" for i in range(CHECK_ROWS + 5)))
    texts, description = check_texts(PREDICTOR, "model", str(file))
    assert len(texts) == CHECK_ROWS + 1
    assert len(texts[-1].split()) == 40
    assert description == f"200 texts of {file} and one of the greatest length"
    (tmp_path / "b.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no texts"):
        check_texts(PREDICTOR, "model", str(tmp_path / "b.jsonl"))


def test_without_texts_the_packages_own_are_taken(tmp_path):
    texts, description = check_texts(PREDICTOR, str(tmp_path))
    assert texts[len(SENTENCES) : -1] == list(SENTENCES)
    assert description == "texts that come with this package and one of the greatest length"


def test_texts_of_a_run_are_read_where_its_logger_is_missing(tmp_path):
    rows = "".join(f"w{i} w{i},{i % 2}\n" for i in range(40))
    (tmp_path / "a.csv").write_text("text,label\n" + rows)
    (tmp_path / "encoder").mkdir()
    config = {"model": str(tmp_path / "encoder"), "source": str(tmp_path / "a.csv")}
    training = {"output_dir": str(tmp_path), "report_to": ["azure_ml"]}
    (tmp_path / "config.yaml").write_text(json.dumps({**config, "training": training}))
    _, description = check_texts(PREDICTOR, str(tmp_path))
    assert description.endswith("rows of the run's test split and one of the greatest length")
