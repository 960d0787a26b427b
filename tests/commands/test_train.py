"""The command of scripts/train.py: options, help, exit status, and errors as text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.commands.train import resuming_command
from nlp_transfer.config.command_ending import BAD_INPUT, NOT_PUSHED
from nlp_transfer.config.parsing import load_yaml
from nlp_transfer.reporting.config_record import to_yaml
from tests.hub_server import Hub
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    tree = run_tree(tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus"), folder / "run")
    (folder / "run.yaml").write_text(to_yaml(tree))
    return folder / "run.yaml"


def test_print_config_prints_what_reads_back(config_file, capsys, tmp_path):
    assert main(["train", "--config", str(config_file), "--print_config", "--training.seed", "9"]) == 0
    printed = capsys.readouterr().out
    assert "seed: 9" in printed
    (tmp_path / "again.yaml").write_text(printed)
    assert main(["train", "--config", str(tmp_path / "again.yaml"), "--print_config"]) == 0
    assert capsys.readouterr().out == printed


def test_print_config_prints_the_defaults_of_a_run_too(tmp_path, capsys, encoder, corpus):
    words = [
        "--model",
        encoder,
        "--source.path",
        corpus,
        "--methods",
        "lora",
        "--training.output_dir",
        tmp_path / "run",
    ]
    assert main(["train", *map(str, words), "--print_config"]) == 0
    training = load_yaml(capsys.readouterr().out)["training"]
    assert training == {
        "output_dir": str(tmp_path / "run"),
        "learning_rate": 5e-4,
        "warmup_steps": 0.1,
        "per_device_eval_batch_size": 32,
        "logging_first_step": True,
        "logging_steps": 0.02,
        "precision": "auto",
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "save_total_limit": 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": "macro_f1",
        "per_device_train_batch_size": 8,
        "num_train_epochs": 10,
    }
    assert not (tmp_path / "run").exists()


def test_dry_run_shows_ten_examples_and_trains_nothing(config_file, capsys):
    assert main(["train", "--config", str(config_file), "--dry_run"]) == 0
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
    assert main(["train", *words]) == BAD_INPUT
    assert capsys.readouterr().err.startswith(f"ConfigError: {expected}")


def test_problems_end_with_a_status_and_without_a_traceback(config_file, capsys):
    assert main(["train", "--config", str(config_file), "--methods.0.name", "lroa"]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ConfigError: methods.0: Unknown method 'lroa'. Did you mean 'lora'?")
    assert "Traceback" not in captured.err


def shown_by(*words):
    return subprocess.run(
        [sys.executable, "scripts/train.py", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_help_documents_every_section_and_field():
    shown = shown_by("--help")
    for field in (
        "--model",
        "--source.path",
        "--target.columns",
        "--source.split.similarity",
        "--task.class_weights",
        "--methods.lora.use_dora",
        "--methods.frozen_encoder.l2",
        "--training.early_stopping_patience",
        "--dry_run",
        "--resume",
    ):
        assert f"{field} " in shown or f"{field}\n" in shown, field
    assert "--training.hub_strategy" not in shown
    words = " ".join(shown.split())
    assert "Ours are shown; --help training shows all." in words
    assert "source: the domain that is learned from, or a list of such domains (`--source.0.path` is" in words
    assert "method: coral: Align covariances." in words
    assert "%%" not in shown


def test_the_help_of_training_shows_all_its_arguments():
    shown = shown_by("--help", "training")
    for field in ("--training.learning_rate", "--training.hub_strategy", "--training.early_stopping_patience"):
        assert f"{field} " in shown, field
    assert "--source.path" not in shown
    assert "by ~20% and" in shown
    assert "%%" not in shown


@pytest.mark.parametrize("words", [["train", "--help", "lora"], ["--help", "lora"]])
def test_the_help_of_one_method(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code in (0, None)
    shown = capsys.readouterr().out
    assert shown.startswith("\nmethod: lora:\n") and "--methods.lora.r " in shown
    assert "--methods.peft" not in shown and "usage" not in shown
    assert main(["train", "--help", "lroa"]) == BAD_INPUT
    assert "--help: Unknown section 'lroa'. Did you mean 'lora'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["--learning_rate", "1e-4"],
            "'learning_rate'. It is --training.learning_rate; in YAML, learning_rate under tr",
        ),
        (
            ["--batch_size", "8"],
            "'batch_size'. It is --training.per_device_train_batch_size; in YAML, per_device_train",
        ),
        (["--epochs", "3"], "'epochs'. It is --training.num_train_epochs; in YAML, num_train_epochs under training."),
        (["--max_seq_length", "3"], "'max_seq_length'. It is --task.max_length; in YAML, max_length under task."),
        (["--r", "3"], "'r'. It is --methods.lora.r; in YAML, r under lora of methods."),
        (["--path", "x"], "'path'. It is --source.path or --target.path; in YAML, path under source or target."),
        (["--lora.r", "8"], "'lora.r'. It is --methods.lora.r; in YAML, r under lora of methods."),
        (["--lora.rank", "8"], "'lora.rank'. Keys of methods.lora: r, alpha, "),
        (["--model_name", "x"], "'model_name'. Did you mean 'model'?"),
        (["--weight", "1"], "'weight'. Keys: model, source, training, "),  # a field of more methods than help anybody
        (["--bogus"], "'--bogus'. Options: --help, --config, --print_config, --dry_run, --estimate, --resume, "),
        (["--resum"], "'--resum'. Did you mean '--resume'? Options: --help, "),
        (["--training.learning_rat"], "'--training.learning_rat'. Did you mean '--training.learning_rate'?"),
        (["--max_length"], "'--max_length'. It is --task.max_length; in YAML, max_length under task."),
        (["--epochs"], "'--epochs'. It is --training.num_train_epochs; in YAML, num_train_epochs under training."),
    ],
)
def test_flat_and_unknown_names_are_answered_with_the_right_ones(config_file, capsys, words, expected):
    assert main(["train", "--config", str(config_file), *words]) == BAD_INPUT
    kind = "option" if expected.startswith("'--") else "key"
    assert capsys.readouterr().err.startswith(f"ConfigError: Unknown {kind} {expected}")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("/opt/bin/nlp-transfer", ": nlp-transfer train --config my.yaml --resume"),
        ("/opt/nlp_transfer/__main__.py", ": python -m nlp_transfer train --config my.yaml --resume"),
    ],
)
def test_the_command_that_resumes_is_the_one_that_was_used(monkeypatch, program, expected):
    monkeypatch.setattr(sys, "argv", [program, "train", "--config", "my.yaml", "--archive_existing"])
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert resuming_command() == expected
    monkeypatch.setattr(sys, "argv", ["scripts/train.py", "--config", "my.yaml", "--resume"])
    assert resuming_command() == ": python scripts/train.py --config my.yaml --resume"


def test_a_run_whose_push_failed_is_no_success(
    config_file: Path, tmp_path: Path, loopback_hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    loopback_hub.fail("POST", "/repos/create", 403, said="no more repositories")
    words = ["--config", str(config_file), "--training.output_dir", str(tmp_path / "run")]
    assert main(["train", *words, "--training.push_to_hub", "true"]) == NOT_PUSHED
    error = capsys.readouterr().err
    assert error.endswith(f"Push it with: python scripts/push.py {tmp_path / 'run'} run\n")
    assert (tmp_path / "run" / "report.md").exists()
