"""What wraps a run: the experiments of its baselines, by the source alone and by the target's labels."""

import json

import pytest

from nlp_transfer import run
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimate import estimate
from nlp_transfer.commands.run import ceiling_experiment, source_only_experiment
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.metrics.negative_transfer import closed_share
from nlp_transfer.training.setup import load_corpora
from tests.reporting.sections.reports import finding
from tests.tiny_runs import rows, run_tree, write_corpus


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


def adapting(encoder, corpus, target, output, **more):
    made = run_tree(encoder, corpus, output, num_train_epochs=2)
    return {**made, "target": {"path": str(target)}, "methods": ["full_fine_tuning", "coral"], **more}


def test_the_ceiling_learns_from_the_target_and_is_scored_beside_the_model(encoder, corpus, tmp_path):
    target = write_corpus(tmp_path / "target", sizes=(30, 9, 12))
    report = run(load_config(tree=adapting(encoder, corpus, target, tmp_path / "run", ceiling_baseline=True)))
    alone = run(load_config(tree=run_tree(encoder, target, tmp_path / "alone", num_train_epochs=2)))
    found = report.baselines["ceiling"]
    assert set(found) == {"target"}
    scores, own = found["target"]["test"], alone.metrics["source"]["test"]
    assert {name: scores[name] for name in own} == own
    assert {"macro_f1_gain_low", "macro_f1_gain_high"} <= scores.keys()
    facts = finding(report, "Gap to the ceiling")
    assert facts["macro-F1 with the target's labels"] == f"{own['macro_f1']:.3f}, on target test"
    ours, source_only = (one["target"]["test"]["macro_f1"] for one in (report.metrics, report.baselines["source_only"]))
    share = closed_share(ours, source_only, own["macro_f1"])
    assert facts["labelled texts it learned from"] == "30"
    assert facts["above the model"].startswith(f"{100 * (own['macro_f1'] - ours):+.1f} points (95 % over rows ")
    assert facts["gap closed by the model"] == ("none to close" if share is None else f"{share:.0%}")
    # It is no baseline to beat.
    assert "the best baseline, ceiling" not in (tmp_path / "run" / "report.md").read_text()
    assert f"the ceiling has {own['macro_f1']:.3f}" in (tmp_path / "run" / "report.md").read_text()


def test_a_target_without_labelled_splits_has_no_ceiling(encoder, corpus, tmp_path):
    target = tmp_path / "target.jsonl"
    target.write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))
    made = adapting(encoder, corpus, target, tmp_path / "run", ceiling_baseline=True)
    with pytest.raises(DataError, match=r"ceiling_baseline learns from the target's training split .* labels: test\."):
        run(load_config(tree=made))
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match="ceiling_baseline needs text of a target domain, and there is none"):
        load_config(tree={**made, "target": None, "methods": ["full_fine_tuning"]})


def test_dry_run_and_estimate_know_the_ceiling(encoder, corpus, tmp_path):
    target = write_corpus(tmp_path / "target", sizes=(30, 9, 12))
    experiment = load_config(tree=adapting(encoder, corpus, target, tmp_path / "run", ceiling_baseline=True))
    folder = tmp_path / "run" / "ceiling"
    assert f"Before it a run on the target's labels is trained in {folder}." in dry_run(experiment)
    assert estimate(experiment).seconds["Ceiling baseline"] > 0


def test_the_ceiling_of_several_sources_has_one(encoder, corpus, tmp_path):
    target = write_corpus(tmp_path / "target", sizes=(30, 9, 12))
    other = write_corpus(tmp_path / "other")
    made = adapting(encoder, corpus, target, tmp_path / "run", ceiling_baseline=True)
    made["source"], made["training"]["source_weights"] = [{"path": str(corpus)}, {"path": str(other)}], "equal"
    experiment = load_config(tree=made)
    ceiling = ceiling_experiment(experiment, load_corpora(experiment)[0])
    assert [one.path for one in ceiling.sources] == [str(target)]
    assert (ceiling.target, ceiling.training.source_weights) == (None, "size")
    assert ceiling.training.output_dir == str(tmp_path / "run" / "ceiling")
