"""The command prints the recommendation; `train --recommend_minutes` goes on with it."""

from pathlib import Path

import pytest

from nlp_transfer.commands import main


def words(encoder: Path, corpus: Path, tmp_path: Path) -> list[str]:
    given = {"model": encoder, "source.path": corpus, "task.max_length": 32, "training.output_dir": tmp_path / "run"}
    return [part for name, value in given.items() for part in (f"--{name}", str(value))]


def test_the_command(encoder: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = [*words(encoder, corpus, tmp_path), "--output", str(tmp_path / "out"), "--budget_minutes", "0.001"]
    assert main(["recommend", *rest]) == 0
    printed = capsys.readouterr().out
    for text in ("Take **frozen_encoder**", "Plans on the validation rows", "recommended.yaml"):
        assert text in printed
    assert main(["recommend", *rest]) == 2
    assert "--output" in capsys.readouterr().err
    assert main(["recommend", *rest, "--resume"]) == 0


def test_training_goes_on_with_it(
    encoder: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = [*words(encoder, corpus, tmp_path), "--recommend_minutes", "0.001"]
    assert main(["train", *rest]) == 0
    assert "Take **frozen_encoder**" in capsys.readouterr().out
    assert "frozen_encoder" in (tmp_path / "run" / "config.yaml").read_text()
    assert (tmp_path / "run_recommendation" / "recommended.yaml").exists()
    assert main(["train", *rest, "--resume"]) == 0
    assert main(["train", *rest, "--dry_run"]) == 2
    assert "--recommend_minutes trains" in capsys.readouterr().err
