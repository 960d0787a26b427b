"""The command of scripts/predict.py: files and pipes in, lines out, errors as text, and constant memory."""

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.data.input_texts import FILE_KINDS
from tests.tiny_classifiers import LABELS, WORDS, random_texts

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_a_file_gives_a_file(tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text('id,clause\nx,"w1 w2"\ny,w3\n')
    words = [str(tiny_classifier), str(tmp_path / "a.csv"), "--text_column", "clause", "--top_k", "2"]
    assert (
        main(["predict", *words, "--output", str(tmp_path / "b.jsonl"), "--device", "cpu", "--max_tokens", "64"]) == 0
    )
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    rows = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["x", "y"]
    for row in rows:
        best, second = row["probabilities"].items()
        assert row["predicted"] == best[0]
        assert best[1] >= second[1]


def test_standard_input_gives_standard_output(
    tiny_multi_label_classifier: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    content = b'{"text": "w1 w2", "id": 9}\n\n{"text": "w4"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["predict", str(tiny_multi_label_classifier)]) == 0
    rows = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [row["id"] for row in rows] == [9, 1]
    assert list(rows[0]) == ["id", "predicted", "probabilities"]
    assert list(rows[0]["probabilities"]) == LABELS
    for row in rows:  # the thresholds that were saved
        assert row["predicted"] == [
            name
            for name, threshold in zip(LABELS, (0.2, 0.5, 0.9), strict=True)
            if row["probabilities"][name] >= threshold
        ]


def test_bad_rows_end_with_a_status_and_without_a_traceback(
    tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "w1"}\n{"text": "w2"}\n{"body": "w1"}\n{"text": "w3"}\n')
    assert main(["predict", str(tiny_classifier), str(path)]) == BAD_INPUT
    captured = capsys.readouterr()
    assert [json.loads(line)["id"] for line in captured.out.splitlines()] == [0, 1]
    assert captured.err == (
        f"DataError: {path}: line 3 (id 2): text is missing (null). Every row needs a text: mend or remove these rows. "
        "Or mark such rows and go on: --on_error skip.\n"
    )
    assert main(["predict", str(tmp_path), str(path)]) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"CheckpointError: {tmp_path} holds no trained model")


def test_no_texts_are_told(
    tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["predict", str(tiny_classifier)]) == 0
    assert tuple(capsys.readouterr()) == ("", "Standard input holds no texts; nothing was predicted.\n")
    for name, content in (("a.csv", "text,id\n"), ("a.jsonl", "\n\n"), ("a.json", "[]")):
        path = tmp_path / name
        path.write_text(content)
        assert main(["predict", str(tiny_classifier), str(path)]) == 0
        assert tuple(capsys.readouterr()) == ("", f"{path} holds no texts; nothing was predicted.\n")


def test_the_help_names_every_kind_of_file(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert (
        f"a file that ends in {FILE_KINDS}; a folder of text files; for a model of images one, or a folder of them; - "
        "is standard input (str; default: -)"
    ) in " ".join(capsys.readouterr().out.split())


def test_settings_of_generation_reach_the_model(
    tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("w1\n")
    words = [str(tiny_classifier), str(tmp_path / "a.txt")]
    assert main(["predict", *words, "--generation", "num_beams=1"]) == BAD_INPUT
    assert (
        "Unknown option '--generation num_beams'. Options: --top_k, --windows, --descriptions, --transductive. They are "
        "those of sequence_class" in capsys.readouterr().err
    )
    assert main(["predict", *words, "--generation", "num_beams"]) == BAD_INPUT
    assert (
        "--generation: 'num_beams' is no setting; expected NAME=VALUE, such as num_beams=1." in capsys.readouterr().err
    )


def test_unknown_options_and_formats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["predict"])
    assert ended.value.code == BAD_INPUT
    assert "the following arguments are required: MODEL" in capsys.readouterr().err
    assert main(["predict", "model", "file", "--outptu", "x"]) == BAD_INPUT
    assert "Unknown option '--outptu'. Did you mean '--output'?" in capsys.readouterr().err


def test_a_value_that_is_none_of_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "model", "--format", "xml"]) == BAD_INPUT
    assert "--format: Unknown value 'xml'. Values: auto, jsonl, text, document, csv, tsv." in capsys.readouterr().err


def test_head_ends_the_script_quietly(tiny_classifier: Path) -> None:
    """As `… | python scripts/predict.py MODEL | head -3`: the pipe breaks while there is more to write."""
    script = subprocess.Popen(
        [sys.executable, "scripts/predict.py", str(tiny_classifier), "--device", "cpu"],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert script.stdin and script.stdout and script.stderr
    limit = threading.Timer(120, script.kill)  # so that a script that waits for more fails, and does not hang
    limit.start()
    script.stdin.write("w1 w2\n" * 3000)
    script.stdin.flush()  # the end is not in sight, and the first window is predicted all the same
    assert [json.loads(script.stdout.readline())["id"] for _ in range(3)] == [0, 1, 2]
    script.stdout.close()
    script.stdin.close()
    assert script.stderr.read() == ""
    script.stderr.close()
    assert script.wait() == 0
    limit.cancel()


MEASURE = """
import resource, sys
from nlp_transfer.commands import main
status = main(["predict", *sys.argv[1:]])
print(status, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_memory_does_not_grow_with_the_input(tiny_classifier: Path, tmp_path: Path) -> None:
    text = " ".join(random_texts(20, longest=len(WORDS)))[:1000]

    def peak_kib(rows: int) -> int:
        source, output = tmp_path / f"{rows}.jsonl", tmp_path / f"{rows}.predicted.jsonl"
        with source.open("w") as file:
            file.writelines(json.dumps({"text": text}) + "\n" for _ in range(rows))
        command = [sys.executable, "-c", MEASURE, str(tiny_classifier), str(source), "--output", str(output)]
        done = subprocess.run(
            [*command, "--device", "cpu"], env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        status, peak = done.stdout.split()
        assert (status, len(output.read_bytes().splitlines())) == ("0", rows)
        return int(peak)

    # Ten times the rows: 45 MB of text more, and as much again in predictions, of which nothing may stay.
    assert peak_kib(50_000) - peak_kib(5_000) < 20 * 1024
