"""The command of scripts/train.py: options, help, exit status, and errors as text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_transfer import command_line
from nlp_transfer.command_line import BAD_INPUT, INTERRUPTED, quiet_exit, read_overrides
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.reporting.yaml_text import to_yaml
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    tree = run_tree(tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus"), folder / "run")
    (folder / "run.yaml").write_text(to_yaml(tree))
    return folder / "run.yaml"


def test_overrides_in_both_forms():
    assert read_overrides(["--a.b", "2e-5", "--c=x=y", "--d", "[1, 2]"]) == [("a.b", 2e-5), ("c", "x=y"), ("d", [1, 2])]


def test_negative_numbers_are_values():
    assert read_overrides(["--a", "-1"]) == [("a", -1)]


def test_words_that_are_no_options_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        read_overrides(["stray", "--a", "--b", "1"])
    assert "'stray' is not an option" in caught.value.problems[0]
    assert "--a has no value; expected --a VALUE" in caught.value.problems[1]


def test_print_config_prints_what_reads_back(config_file, capsys, tmp_path):
    assert command_line.train(["--config", str(config_file), "--print_config", "--training.seed", "9"]) == 0
    printed = capsys.readouterr().out
    assert "seed: 9" in printed
    (tmp_path / "again.yaml").write_text(printed)
    assert command_line.train(["--config", str(tmp_path / "again.yaml"), "--print_config"]) == 0
    assert capsys.readouterr().out == printed


def test_dry_run_shows_ten_examples_and_trains_nothing(config_file, capsys):
    assert command_line.train(["--config", str(config_file), "--dry_run"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(" tokens  ") == 10
    assert "The first 10 encoded training examples:" in printed
    assert "[CLS]" in printed
    assert "It has all that full_fine_tuning needs." in printed
    assert "Nothing was trained." in printed
    assert not (config_file.parent / "run").exists()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "{name: partial_fine_tuning, layers: 99}",
            "partial_fine_tuning.layers is 99, but this bert encoder has 3 layers",
        ),
        (
            "{name: lora, target_modules: [querry]}",
            "lora.target_modules: Unknown linear layer 'querry'. Did you mean 'quer",
        ),
        (
            "{name: frozen_encoder, layers: [9]}",
            "frozen_encoder.layers holds 9; this bert encoder can be read at 1 to 3",
        ),
    ],
)
def test_a_dry_run_finds_what_the_encoder_does_not_have(config_file, capsys, method, expected):
    words = ["--config", str(config_file), "--dry_run", "--methods", f"[{method}]"]
    assert command_line.train(words) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"ConfigError: {expected}")


def test_problems_end_with_a_status_and_without_a_traceback(config_file, capsys):
    assert command_line.train(["--config", str(config_file), "--methods.0.name", "lroa"]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ConfigError: methods.0: Unknown method 'lroa'. Did you mean 'lora'?")
    assert "Traceback" not in captured.err


def test_only_the_main_process_speaks(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    with quiet_exit() as status:
        raise DataError("something")
    assert (status.code, capsys.readouterr().err) == (BAD_INPUT, "")


def test_ctrl_c_has_the_shells_status(capsys):
    with quiet_exit() as status:
        raise KeyboardInterrupt
    assert (status.code, capsys.readouterr().err) == (INTERRUPTED, "Interrupted.\n")


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError), quiet_exit():
        1 / 0  # noqa: B018


def test_help_documents_every_section_and_field():
    done = subprocess.run(
        [sys.executable, "scripts/train.py", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    for field in (
        "--model",
        "--source.path",
        "--target.columns",
        "--source.split.similarity",
        "--task.class_weights",
        "--methods.lora.use_dora",
        "--methods.frozen_encoder.l2",
        "--training.learning_rate",
        "--training.early_stopping_patience",
        "--dry_run",
        "--resume",
    ):
        assert f"{field} " in done.stdout or f"{field}\n" in done.stdout, field
    assert "by ~20% and" in done.stdout
    assert "%%" not in done.stdout
