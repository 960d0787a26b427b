"""The few-shot comparison: which texts it draws, one cell from end to end, and its table."""

import json
import sys
from pathlib import Path

import pytest

from scripts.benchmark import few_shot
from tests.tiny_runs import tiny_encoder


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, size in (("train", 12), ("test", 6)):
        rows = [
            {"text": f"{label} clause {i}", "labels": [label, "a"] if i == 0 else [label]}
            for label, share in (("a", 1), ("b", 1), ("rare", 3))
            for i in range(size // share)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder)


def test_texts_have_one_of_the_frequent_labels_and_tests_do_not_depend_on_the_draw(corpus: str) -> None:
    first, second = (few_shot.few_texts(f"{corpus}:2", 3, draw, 8) for draw in (0, 1))
    assert first.label_names == ["a", "b"]
    assert sorted(first.splits["train"]["label"]) == [0, 0, 0, 1, 1, 1]
    assert list(first.splits["train"]["text"]) != list(second.splits["train"]["text"])
    assert list(first.splits["test"]["text"]) == list(second.splits["test"]["text"])
    assert len(first.splits["test"]) == 8
    assert "b clause 0" not in [*first.splits["train"]["text"], *first.splits["test"]["text"]]  # it has two labels


def test_a_description_is_one_more_text_of_each_class(corpus: str, tmp_path: Path) -> None:
    (tmp_path / "about.yaml").write_text(f"{corpus}: {{a: about a, b: about b, rare: seldom}}")
    plain, described = (few_shot.few_texts(f"{corpus}:2", 3, 0, 8, of) for of in (None, str(tmp_path / "about.yaml")))
    assert list(described.splits["train"]["text"]) == [*plain.splits["train"]["text"], "about a", "about b"]
    assert list(described.splits["train"]["label"][-2:]) == [0, 1]
    alone = few_shot.few_texts(f"{corpus}:2", 0, 0, 8, str(tmp_path / "about.yaml"))
    assert list(alone.splits["train"]["text"]) == ["about a", "about b"]


def test_a_command_measures_each_cell_once(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_encoder(tmp_path / "encoder")
    output = tmp_path / "results.jsonl"
    options = ["few_shot", f"{corpus}:2", "--model", str(tmp_path / "encoder"), "--output", str(output)]
    options += ["--systems", "prototypes", "last_layer", "--draws", "0", "--shots", "3", "--max_length", "32"]
    monkeypatch.setattr(sys, "argv", options)
    for _ in range(2):
        few_shot.main()
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert [line["cell"]["system"] for line in lines] == ["prototypes", "last_layer"]
    assert all(0 <= line["macro_f1"] <= 1 and line["mib"] > 0 for line in lines)
    assert "last_layer" in capsys.readouterr().out
