import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer import run
from nlp_transfer.commands import estimate as estimate_module
from nlp_transfer.commands import main
from nlp_transfer.commands.estimate import (
    Estimate,
    UpdateTimer,
    _rows_scored_too,
    _times_due,
    estimate,
    interpolate,
    spread_rows,
    update_seconds,
)
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.training.extensions.checkpoint_selection import CheckpointSelection
from nlp_transfer.training.setup import load_data
from tests.reliability.small_run import write_small_run


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_small_run(tmp_path_factory.mktemp("estimated") / "small")


def test_an_estimate_of_a_small_run(small, tmp_path, monkeypatch):
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))
    output = tmp_path / "run"
    config = load_config([str(small)], [("training.output_dir", str(output))])
    found = estimate(config)
    lengths = load_data(config)[3]["source"]["train"]["length"]
    assert (found.rows, found.windows, found.tokens, found.epochs) == (96, 96, 3 * sum(lengths), 3.0)
    assert list(found.seconds) == ["Preparing", "Training", "Evaluating meanwhile", "Saving meanwhile", "Final scoring"]
    assert all(0 < seconds < 60 for seconds in found.seconds.values())
    assert not output.exists()
    assert os.environ["NLP_TRANSFER_CACHE"] == str(tmp_path / "cache")


def test_an_estimate_leaves_the_run_as_it_would_be(small, tmp_path):
    ends = []
    for name in ("before", "after"):
        config = load_config([str(small)], [("training.output_dir", str(tmp_path / name)), ("training.max_steps", 6)])
        if name == "after":
            estimate(config)
        ends.append(run(config).metrics)
    assert ends[0] == ends[1]


def test_a_method_that_fits_the_model_itself_trains_nothing(small, tmp_path):
    overrides = [("training.output_dir", str(tmp_path)), ("methods.0.name", "frozen_encoder")]
    found = estimate(load_config([str(small)], overrides))
    assert list(found.seconds) == ["Preparing", "Final scoring"]
    assert found.epochs == 1


def test_several_processes_are_refused(small, monkeypatch):
    config = load_config([str(small)])
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"--estimate probes one process, and was started on 2\. Start it without a"):
        estimate(config)


def test_the_command_estimates_and_trains_nothing(small, tmp_path, capsys):
    words = ["--config", str(small), "--training.output_dir", str(tmp_path / "run"), "--estimate"]
    assert main(["train", *words]) == 0
    shown = capsys.readouterr()
    assert shown.err.startswith("Timing some updates and evaluations …")
    for row in ("Training rows", "Evaluating meanwhile", "Together", "Peak memory"):
        assert row in shown.out
    assert not (tmp_path / "run").exists()


def test_a_run_that_adapts_counts_the_target_and_the_run_beside(small, tmp_path):
    target = small.parent / "corpus" / "test.jsonl"
    words = [
        ("training.output_dir", str(tmp_path)),
        ("target.path", str(target)),
        ("methods", ["full_fine_tuning", "mmd"]),
    ]
    found = estimate(load_config([str(small)], words))
    plain = estimate(load_config([str(small)], words[:1]))
    encoded = load_data(load_config([str(small)], words))[3]
    mean = sum(encoded["target"]["test"]["length"]) / len(encoded["target"]["test"])
    assert found.tokens == pytest.approx(plain.tokens + 3 * 96 * mean, rel=0.05)
    assert "Source-only baseline" in found.seconds
    assert "Source-only baseline" not in plain.seconds


def adapting(small, output_dir, *words):
    return load_config(
        [str(small)],
        [
            ("training.output_dir", str(output_dir)),
            ("target.path", str(small.parent / "corpus" / "test.jsonl")),
            ("methods", ["full_fine_tuning", "self_training"]),
            ("training.metric_for_best_model", "target_infomax"),
            ("training.eval_strategy", "epoch"),
            ("training.save_strategy", "epoch"),
            *words,
        ],
    )


def test_a_run_with_a_moving_average_has_an_estimate(small, tmp_path):
    words = ("methods", ["full_fine_tuning", "adapt"]), ("source_only_baseline", False)
    seconds = estimate(adapting(small, tmp_path, *words)).seconds
    assert all(seconds[phase] > 0 for phase in ("Training", "Evaluating meanwhile", "Saving meanwhile"))


def test_what_evaluations_and_methods_look_at_in_the_target_is_counted_as_often(small, tmp_path, monkeypatch):
    config = adapting(small, tmp_path, ("source_only_baseline", False))
    encoded = load_data(config).encoded
    target, validation = len(encoded["target"]["test"]), len(encoded["source"]["validation"])
    monkeypatch.setattr(estimate_module, "_computing", lambda trainer, rows, compute: 10.0 * len(rows))
    # In a probe's own evaluations they would be counted twice.
    monkeypatch.setattr(CheckpointSelection, "label_free_scores", lambda *_: pytest.fail("scored in a probe"))
    found = estimate(config).seconds
    assert found["Evaluating meanwhile"] == 3 * (10.0 * validation + 10.0 * target)
    assert found["Labelling the target"] == 2 * 10.0 * target  # not in the first of three epochs
    both = estimate(adapting(small, tmp_path)).seconds
    alone = both.pop("Source-only baseline")
    assert 0 < alone < sum(both.values()) - both["Labelling the target"]


def test_what_an_evaluation_looks_at_beside_validation(small, tmp_path, monkeypatch):
    def rows(*words):
        config = adapting(small, tmp_path, *words)
        return [len(part) for part in _rows_scored_too(config, load_data(config)[3])]

    encoded = load_data(adapting(small, tmp_path))[3]
    target, train, validation = (
        len(encoded[domain][split])
        for domain, split in (("target", "test"), ("source", "train"), ("source", "validation"))
    )
    by_source = ("training.metric_for_best_model", "macro_f1")
    assert rows() == [target]
    assert rows(by_source) == []
    assert rows(by_source, ("log_target_scores", True)) == [target]  # its scores without labels are of the same rows
    assert rows(("training.metric_for_best_model", "target_dev")) == [target, train, validation]
    monkeypatch.setattr(estimate_module, "MAX_ROWS", 5)
    assert rows() == [5]


@pytest.mark.parametrize(
    ("given", "times"),
    [(("epoch", None, 25, 2.5), 3), (("steps", 4, 20, 2), 5), (("steps", 0.25, 20, 2), 4), (("no", 4, 20, 2), 0)],
)
def test_how_often_a_run_evaluates(given, times):
    assert _times_due(*given) == times


def test_what_grows_grows_along_a_line_and_never_falls():
    assert interpolate([(10, 3.0), (20, 4.0)], 100) == 12.0
    assert interpolate([(10, 3.0), (20, 2.0)], 100) == 2.0
    assert interpolate([(10, 3.0), (10, 2.0)], 100) == 2.0


def test_later_epochs_cost_what_the_second_does_and_warming_up_is_left_out():
    timed = [[99.0, 4.0, 6.0], [1.0, 1.0, 1.0]]
    assert update_seconds(timed, epochs=1) == pytest.approx(5.0)
    assert update_seconds(timed, epochs=4) == pytest.approx(5.0 + 3 * 1.0)
    assert update_seconds(timed, epochs=0.5) == pytest.approx(2.5)


def test_a_sample_has_the_lengths_of_the_whole():
    lengths = np.random.default_rng(0).lognormal(4, 1, 5000).astype(int) + 1
    rows = Dataset.from_dict({"length": lengths})
    some = spread_rows(rows, 64)
    assert len(some) == 64
    assert np.mean(some["length"]) == pytest.approx(lengths.mean(), rel=0.05)
    assert some["length"] != sorted(some["length"])
    assert len(spread_rows(rows.select(range(3)), 64)) == 3


def test_what_methods_do_before_an_epoch_is_no_part_of_an_updates_time(monkeypatch):
    clock = [1.0]

    def takes(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("nlp_transfer.commands.estimate.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    timed = UpdateTimer()
    for _ in range(2):
        timed.on_epoch_begin()
        takes(50)
        for _ in range(2):
            takes(1)
            timed.on_step_begin()
            takes(2)
            timed.on_step_end()
    # The first update is timed from its first forward pass on, a later one from the end of the update before.
    assert timed.epochs == [[2.0, 3.0], [2.0, 3.0]]
    assert timed.first == 52.0


def test_the_table_of_an_estimate():
    found = Estimate(
        device="2 CPU threads, fp32",
        rows=1234,
        windows=1234,
        tokens=56789,
        epochs=3,
        seconds={"Preparing": 1.0, "Training": 120.0},
        peak_memory_bytes=2**30,
        early_stopping=True,
    )
    table = found.table("my.yaml")
    assert table.title == "my.yaml"
    assert table.rows == [
        ["Machine", "2 CPU threads, fp32"],
        ["Training rows", "1,234"],
        ["Tokens in all epochs", "56,789 (3 epochs)"],
        ["Preparing", "1.0 s"],
        ["Training", "2 min 0 s"],
        ["Together", "2 min 1 s, or less (early stopping)"],
        ["Peak memory", "1,024 MiB"],
    ]
    assert replace(found, windows=2000).table("").rows[1] == ["Training rows", "1,234 in 2,000 windows"]
    assert replace(found, tokens=0).table("").rows[2] == ["Epochs", "3"]  # of images
