"""The command of scripts/evaluate.py: corpus options by path, help, exit status, and its name on the import path."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.config.command_ending import BAD_INPUT, PIPE_CLOSED
from tests.tiny_classifiers import LABELS, random_texts

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A CSV file whose columns have names of their own."""
    path = tmp_path / "clauses.csv"
    lines = [f"{text},{label}" for text, label in zip(random_texts(6), ["red", "green", "blue"] * 2, strict=True)]
    path.write_text("\n".join(["clause,kind", *lines]) + "\n")
    return path


def test_scores_a_corpus_and_writes_what_it_says(
    tiny_classifier: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tiny_classifier), "--corpus.path", str(corpus), "--corpus.columns.clause", "text"]
    words += ["--corpus.columns.kind=label", "--output_dir", str(tmp_path / "scores"), "--device", "cpu"]
    assert main(["evaluate", *words]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("test · 6 rows")
    assert f"metrics      {tmp_path / 'scores' / 'metrics.json'}" in printed.replace("\n", "")
    scores = json.loads((tmp_path / "scores" / "metrics.json").read_text())["target"]["test"]
    assert [scores["per_class"][name]["support"] for name in ("red", "green", "blue")] == [2, 2, 2]
    # The same command again would overwrite them.
    assert main(["evaluate", *words]) == BAD_INPUT
    assert capsys.readouterr().err == (
        f"CheckpointError: --output_dir {tmp_path / 'scores'} is not empty: metrics.json, predictions.jsonl.gz, "
        "report.html, report.json, report.md. Nothing in it is touched; name a new folder.\n"
    )


def test_scores_that_nobody_reads_are_an_error(tiny_classifier: Path, corpus: Path) -> None:
    words = [sys.executable, "scripts/evaluate.py", str(tiny_classifier), "--corpus.path", str(corpus)]
    words += ["--corpus.columns.clause", "text", "--corpus.columns.kind=label", "--device", "cpu"]
    line = f"{shlex.join(words)} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == PIPE_CLOSED
    assert done.stdout == ""
    assert "\nThe output was closed before the end, as `head` does it, and the command stopped" in done.stderr


def test_problems_of_the_corpus_are_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "model",
        "--corpus.path",
        "nowhere",
        "--corpus.colums.a",
        "text",
        "--splt",
        "test",
        "--corpus.split.seed",
        "x",
    ]
    assert main(["evaluate", *words]) == BAD_INPUT
    message = capsys.readouterr().err
    assert message.startswith("ConfigError: 4 problems:\n")
    assert "corpus.path: there is no file or folder nowhere" in message
    assert "  - Unknown option '--splt'. Did you mean '--split'?" in message
    assert "  - corpus: Unknown key 'colums'. Did you mean 'columns'?" in message
    assert "  - corpus.split.seed is 'x'; expected int." in message
    assert main(["evaluate", "model", "--corpus.path", "nowhere"]) == BAD_INPUT
    assert "corpus.path: there is no file or folder nowhere (from " in capsys.readouterr().err


def test_a_corpus_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "model"]) == BAD_INPUT
    assert (
        "corpus names no source; give exactly one of corpus.path, corpus.hub and corpus.builtin"
        in capsys.readouterr().err
    )
    assert main(["evaluate", "model", "stray"]) == BAD_INPUT
    assert capsys.readouterr().err == (
        "ConfigError: 'stray' is not an option; expected --corpus.PATH VALUE such as --corpus.path data/kitchen.\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["evaluate"])
    assert ended.value.code == BAD_INPUT
    assert "the following arguments are required: MODEL" in capsys.readouterr().err


def test_help_shows_every_field_of_a_corpus_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for option in (
        "Score a saved model",
        "--split SPLIT",
        "--max_tokens MAX_TOKENS",
        "--corpus.hub",
        "--corpus.split.similarity",
    ):
        assert option in printed
    assert "--training." not in printed


def test_the_script_does_not_hide_the_evaluate_package(tiny_classifier: Path, corpus: Path, tmp_path: Path) -> None:
    """Python puts scripts/ first on the import path, and the metrics import the package `evaluate`."""
    command = [sys.executable, "scripts/evaluate.py", str(tiny_classifier), "--corpus.path", str(corpus)]
    command += ["--corpus.columns", "{clause: text, kind: label}", "--device", "cpu"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NLP_TRANSFER_CACHE": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    cut = "2 of 6 (33%) texts are longer than the model reads: 2.7% of all tokens were cut off.\n"
    assert (done.returncode, done.stderr) == (0, cut)
    assert done.stdout.startswith("test · 6 rows")


def test_every_script_leaves_its_folder(tmp_path: Path) -> None:
    shutil.copy(ROOT / "scripts" / "evaluate.py", tmp_path)
    (tmp_path / "other.py").write_text(
        "from nlp_transfer.config.command_ending import quiet_exit\nwith quiet_exit():\n    import evaluate\n"
        "    print(evaluate.Metric.__name__)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(tmp_path / "other.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "Metric\n", done.stderr


def test_settings_of_generation_reach_the_model(
    tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tiny_classifier), "--corpus.path", str(tmp_path), "--generation", "num_beams=1"]
    assert main(["evaluate", *words]) == BAD_INPUT
    assert (
        "Unknown option '--generation num_beams'. Options: --top_k, --windows, --descriptions, --transductive. They are "
        "those of sequence_class" in capsys.readouterr().err
    )


def test_options_of_a_classifier_reach_the_model(
    tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = random_texts(500, seed=3)
    lines = [json.dumps({"text": text, "label": LABELS[place % 3]}) for place, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    words = ["evaluate", str(tiny_classifier), "--corpus.path", str(tmp_path / "a.jsonl")]
    assert main([*words, "--transductive"]) == 0
    assert "inductive" in capsys.readouterr().out
    assert main([*words, "--descriptions", "red=one", "green=two"]) == BAD_INPUT
    assert "expected a model of natural language inference" in capsys.readouterr().err
