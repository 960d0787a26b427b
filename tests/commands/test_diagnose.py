"""The command prints each section."""

from pathlib import Path

import pytest

from nlp_transfer.commands import main


def test_the_command(encoder: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", str(encoder), "--source.path", str(corpus), "--task.max_length", "32"]
    assert main(["diagnose", *words, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for text in ("Texts", "Rows of each class", "Near-duplicates", "Doubtful labels", "LogME", "diagnosis.html"):
        assert text in printed
    assert main(["diagnose", *words, "--output", str(tmp_path / "out")]) == 2
    assert "--output" in capsys.readouterr().err
