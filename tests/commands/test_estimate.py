import os

import pytest

from nlp_transfer import run
from nlp_transfer.commands import estimate as estimate_module
from nlp_transfer.commands import main
from nlp_transfer.commands.estimate import estimate, scored_beside
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
    assert (found.texts, found.tokens, found.epochs) == (96, 3 * sum(lengths), 3.0)
    assert list(found.seconds) == ["Preparing", "Training", "Evaluating meanwhile", "Saving meanwhile", "Final scoring"]
    assert all(0 < seconds < 60 for seconds in found.seconds.values())
    # Three layers of width 64 with 128 inside: 4 · 64² + 2 · 64 · 128 weights each, six operations a weight and token.
    weights = 3 * (4 * 64**2 + 2 * 64 * 128)
    assert found.flops == pytest.approx(6 * weights * found.tokens, rel=0.1)
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
    for row in ("Training texts", "Operations", "Evaluating meanwhile", "Together", "Peak memory"):
        assert row in shown.out
    assert not (tmp_path / "run").exists()


def test_layers_that_are_read_from_the_cache_are_counted_once(small, tmp_path):
    words = [("training.output_dir", str(tmp_path)), ("methods.0.name", "partial_fine_tuning"), ("methods.0.layers", 1)]
    kept, computed = (
        estimate(load_config([str(small)], [*words, ("training.activation_cache", on)])) for on in (True, False)
    )
    # In products of a layer's weights with its input: 3 layers forward in 3 epochs are 9. Backward, the uppermost needs
    # one for its weights, and one for its input but in query, key and value, 12,288 of 32,768 weights, below which
    # nothing trains: 3 · (2 - 0.375) = 4.875. Kept, the 2 lower layers' forward of two epochs goes: 4.
    assert kept.flops / computed.flops == pytest.approx((9 + 4.875 - 4) / (9 + 4.875), rel=0.02)
    # 144 texts' states of 64 numbers for each token, of training and validation, in float32.
    lengths = load_data(load_config([str(small)], words))[3]["source"]
    tokens = sum(sum(lengths[split]["length"]) for split in ("train", "validation"))
    assert kept.cache_bytes == pytest.approx(tokens * 64 * 4, rel=0.25)
    assert computed.cache_bytes == 0


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
    assert found.flops / plain.flops == pytest.approx(found.tokens / plain.tokens, rel=0.05)
    assert "Source-only, beside" in found.seconds
    assert "Source-only, beside" not in plain.seconds


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
    alone = both.pop("Source-only, beside")
    assert 0 < alone < sum(both.values()) - both["Labelling the target"]


def test_what_an_evaluation_looks_at_beside_validation(small, tmp_path, monkeypatch):
    def rows(*words):
        config = adapting(small, tmp_path, *words)
        return [len(part) for part in scored_beside(config, load_data(config)[3])]

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
    assert rows(("log_target_scores", True)) == [target, 5]
