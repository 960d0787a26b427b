"""The recommendation beside a full sweep: which rows both see, and a command from end to end."""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

from nlp_transfer.commands import plans
from nlp_transfer.errors import TrainingError
from nlp_transfer.files import CACHE_VARIABLE
from scripts.benchmark import recommendation
from tests.tiny_runs import tiny_encoder


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    folder = tmp_path / "corpus"
    folder.mkdir()
    rows = [{"text": f"{label} clause {i}", "label": label} for label in ("a", "b") for i in range(20)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(folder)


def test_rows_are_drawn_apart(corpus: str, tmp_path: Path) -> None:
    options = argparse.Namespace(model="encoder", rows=18, test_rows=10, max_length=16, seed=0)
    splits = recommendation.drawn(corpus, options, str(tmp_path)).sources[0].data
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 12, "validation": 6, "test": 10}
    texts = [text for rows in splits.values() for text in rows["text"]]
    assert len(set(texts)) == 28


def test_a_command_measures_each_cell_once(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_encoder(tmp_path / "encoder")
    few = [plan for plan in plans.PLANS if plan.name in ("frozen_encoder", "full_fine_tuning")]
    monkeypatch.setattr(plans, "PLANS", few)
    output = tmp_path / "results.jsonl"
    options = ["recommendation", corpus, "--model", str(tmp_path / "encoder"), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", [*options, "--rows", "18", "--test_rows", "10", "--max_length", "16"])
    for _ in range(2):
        recommendation.main()
    *sweep, chosen = (json.loads(line) for line in output.read_text().splitlines())
    assert [line["cell"]["plan"] for line in sweep] == ["frozen_encoder", "full_fine_tuning"]
    assert all(0 <= line["test"] <= 1 and line["seconds"] > 0 for line in sweep)
    assert chosen["chosen"] in ("frozen_encoder", "full_fine_tuning")
    assert chosen["low"] <= chosen["high"]
    shown = capsys.readouterr().out
    test = next(line["test"] for line in sweep if line["cell"]["plan"] == chosen["chosen"])
    assert f"{chosen['chosen']} {test:.3f}" in shown
    sweep[0] |= {"validation": 0.9, "test": 0.1, "seconds": 40}
    sweep[1] |= {"validation": 0.2, "test": 0.8, "seconds": 80}
    chosen |= {"chosen": "full_fine_tuning", "seconds": 25}
    output.write_text("\n".join(map(json.dumps, [*sweep, chosen])))
    recommendation.main()
    row = next(line for line in capsys.readouterr().out.splitlines() if "frozen_encoder" in line)
    cells = ["2", "120", "frozen_encoder 0.100", "full_fine_tuning 0.800", "full_fine_tuning 0.800", "30", "25"]
    assert row.split()[1:] == " ".join(cells).split()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    monkeypatch.setattr(recommendation, "recommend", lambda *_, **__: (_ for _ in ()).throw(TrainingError("none")))
    output.write_text("\n".join(map(json.dumps, sweep)) + "\n")
    with pytest.raises(TrainingError, match="none"):
        recommendation.main()
    assert os.environ[CACHE_VARIABLE] == str(tmp_path / "mine")
