"""The command of scripts/export.py: options, what it prints, exit status."""

import shutil
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.config.command_ending import BAD_INPUT
from tests.tiny_classifiers import random_texts


def test_a_run_is_exported_and_predicts(
    tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_classifier, tmp_path / "run" / "model")
    rows = tmp_path / "clauses.csv"
    rows.write_text("\n".join(["clause", *random_texts(8)]) + "\n")
    words = [str(tmp_path / "run"), "--check", str(rows), "--text_column", "clause"]
    assert main(["export", *words]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first == f"Compared with PyTorch on 8 texts of {rows} and one of the greatest length."
    assert second.startswith("float32: logits differ by at most ")
    assert "100.00% of 9 rows keep their predictions" in second
    assert last == f"Exported to {tmp_path / 'run' / 'onnx'}."
    asked = [str(tmp_path / "run"), str(rows), "--text_column", "clause"]
    assert main(["predict", *asked]) == main(["predict", *asked, "--backend", "onnx"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:30] for line in lines[:8]] == [line[:30] for line in lines[8:]]


def test_mistakes_are_told(tiny_classifier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tiny_classifier)]) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"ConfigError: {tiny_classifier} is no run's folder")
    assert main(["export", str(tmp_path / "no"), "--output", str(tmp_path / "out")]) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"CheckpointError: there is no folder {tmp_path / 'no'}.")
    assert main(["predict", str(tiny_classifier), "--backend", "onnx", "--device", "cuda"]) == BAD_INPUT
    assert "ConfigError: --device cuda: " in capsys.readouterr().err
    assert main(["export", str(tiny_classifier), "--precision", "int4"]) == BAD_INPUT
    assert "--precision: Unknown value 'int4'. Did you mean 'int8'? Values: float32, int8, both." in (
        capsys.readouterr().err
    )
