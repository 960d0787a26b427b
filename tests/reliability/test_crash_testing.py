"""The crash test itself: it kills, resumes and compares; and it sees a difference where there is one."""

import json
import shutil

import pytest

from nlp_transfer.errors import CheckpointError, ConfigError
from tests.reliability.__main__ import main
from tests.reliability.crash_testing import CrashReport, crash_test, differences


def finished(folder):
    for name, text in {
        "model/model.safetensors": "weights",
        "checkpoints/checkpoint-9/optimizer.pt": "moments",
        "checkpoints/checkpoint-9/trainer_state.json": "{}",
        "predictions.jsonl.gz": "rows",
        "metrics.json": json.dumps({"source": {"f1": 0.5, "train_seconds": 3}}),
        "log.jsonl": json.dumps({"time": "now", "loss": 1.0, "eval_runtime": 2}) + "\n",
        "run.json": "{}",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("model/model.safetensors", "weight", ["model/model.safetensors differs in its bytes"]),
        ("checkpoints/checkpoint-9/optimizer.pt", None, ["checkpoints/checkpoint-9/optimizer.pt is only in a"]),
        ("predictions.jsonl.gz", "row", ["predictions.jsonl.gz differs in its bytes"]),
        ("metrics.json", '{"source": {"f1": 0.6}}', ["metrics.json differs"]),
        ("metrics.json", '{"source": {"f1": 0.5, "train_seconds": 4}}', []),
        ("log.jsonl", '{"time": "then", "loss": 1.0}\n', []),
        ("log.jsonl", '{"time": "now", "loss": 1.1}\n', ["log.jsonl differs"]),
        ("log.jsonl", "", ["log.jsonl differs"]),
        ("run.json", '{"pid": 1}', []),
    ],
)
def test_what_is_compared(tmp_path, name, text, line):
    finished(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert differences(tmp_path / "a", tmp_path / "b") == []
    if text is None:
        (tmp_path / "b" / name).unlink()
    else:
        (tmp_path / "b" / name).write_text(text)
    assert differences(tmp_path / "a", tmp_path / "b") == line


def test_impossible_numbers_and_folders(tmp_path):
    with pytest.raises(ConfigError) as caught:
        crash_test(tmp_path, kills=0, processes=0, seed=0)
    assert [problem.split(";")[0] for problem in caught.value.problems] == [
        "--kills is 0",
        "--processes is 0",
        f"--output_dir {tmp_path} exists already",
    ]


def test_a_run_that_fails_by_itself_is_no_kill(tmp_path):
    broken = tmp_path / "train.py"
    broken.write_text("raise SystemExit('no model')")
    with pytest.raises(CheckpointError, match="failed by itself with status 1: no model"):
        crash_test(tmp_path / "runs", kills=1, processes=1, seed=0, script=broken)


def test_a_difference_is_the_exit_status(tmp_path, monkeypatch, capsys):
    report = CrashReport(2, 10, 4, 10, 3, 0, ["killed-1: model/model.safetensors differs in its bytes"])
    monkeypatch.setattr("tests.reliability.__main__.crash_test", lambda *_, **__: report)
    assert main(["--output_dir", str(tmp_path / "runs")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "2 processes: 10 kills (4 in the middle of a save), 10 resumes, 3 runs to the end, "
        "0 torn checkpoints passed over, 1 differences",
        "  killed-1: model/model.safetensors differs in its bytes",
    ]


@pytest.mark.slow
def test_killed_runs_end_as_an_undisturbed_one(tmp_path, capsys):
    assert main(["--output_dir", str(tmp_path / "runs"), "--kills", "3", "--seed", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("0 torn checkpoints passed over, 0 differences")
