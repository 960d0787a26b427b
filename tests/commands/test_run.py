"""What wraps a run: the experiment of its source-only baseline."""

import json

import pytest

from nlp_transfer.commands.run import source_only_experiment
from nlp_transfer.config.experiment import load_config
from tests.tiny_runs import rows, run_tree


@pytest.fixture
def tree(encoder, corpus, tmp_path):
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))
    made = run_tree(encoder, corpus, tmp_path / "run", source_weights="size")
    return {**made, "target": {"path": str(tmp_path / "target.jsonl")}, "methods": ["lora", "mmd"]}


def test_the_source_only_baseline_is_the_same_run_without_the_target(tree, tmp_path):
    experiment = load_config(tree={**tree, "prior_correction": True})
    baseline = source_only_experiment(experiment)
    assert [method.name for method in baseline.methods] == ["lora"]
    assert baseline.training.output_dir == str(tmp_path / "run" / "source_only")
    assert (baseline.baselines, baseline.prior_correction) == ((), False)
    assert baseline.training.given() == {
        **experiment.training.given(),
        "output_dir": str(tmp_path / "run" / "source_only"),
    }
    only = load_config(tree={**tree, "methods": ["mmd"]})
    assert [method.name for method in source_only_experiment(only).methods] == ["full_fine_tuning"]


def test_a_run_without_target_methods_or_by_wish_has_no_baseline(tree):
    assert source_only_experiment(load_config(tree={**tree, "methods": ["lora"]})) is None
    assert source_only_experiment(load_config(tree={**tree, "source_only_baseline": False})) is None


def test_a_baseline_does_not_select_by_target_labels(tree):
    made = {**tree, "methods": ["full_fine_tuning", "joint"]}
    made["training"] = {**tree["training"], "metric_for_best_model": "target_macro_f1"}
    baseline = source_only_experiment(load_config(tree=made))
    assert baseline.training.metric_for_best_model == "macro_f1"
