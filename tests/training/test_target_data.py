"""What of a target is refused, or told, before anything is trained."""

import json

import pytest

from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.run import run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from tests.tiny_runs import rows, run_tree, write_corpus


def tried(encoder, corpus, tmp_path, methods, target, **training):
    """What a dry run says."""
    tree = run_tree(encoder, corpus, tmp_path / "run", **training)
    return dry_run(load_config(tree={**tree, "target": {"path": str(target)}, "methods": methods}))


def write_rows(path, *, count, seed=9):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows(count, seed=seed)))
    return path


@pytest.mark.parametrize("method", ["mmd", "coral"])
def test_a_method_that_compares_texts_needs_two(encoder, corpus, tmp_path, method):
    one = write_rows(tmp_path / "one.jsonl", count=1)
    with pytest.raises(ConfigError, match=rf"The target \(.*/one.jsonl\) has one row, and {method} compares rows"):
        tried(encoder, corpus, tmp_path, [method], one)
    some = write_rows(tmp_path / "some.jsonl", count=6)
    with pytest.raises(ConfigError, match=f"{method} compares the rows of an update with one another, and an update "):
        tried(encoder, corpus, tmp_path, [method], some, per_device_train_batch_size=1)


def test_a_target_of_splits_that_are_not_for_training(encoder, corpus, tmp_path):
    write_rows(tmp_path / "target" / "dev.jsonl", count=6)
    only = tried(encoder, corpus, tmp_path, ["dann"], tmp_path / "target")
    assert "6 target rows (all of its one file) are seen in training, without labels." in only
    write_rows(tmp_path / "target" / "test.jsonl", count=6, seed=8)
    with pytest.raises(
        DataError, match=r"target \(.*/target\): The target has the splits validation and test, and none to train"
    ):
        tried(encoder, corpus, tmp_path, ["dann"], tmp_path / "target")
    tree = run_tree(encoder, corpus, tmp_path / "run")
    named = {"path": str(tmp_path / "target"), "splits": {"unlabeled": "dev", "test": "test"}}
    shown = dry_run(load_config(tree={**tree, "target": named, "methods": ["dann"]}))
    assert "6 target rows of split unlabeled are seen in training, without labels." in shown


def test_a_target_that_no_method_learns_from_has_a_hint(encoder, corpus, tmp_path):
    target, hint = write_rows(tmp_path / "target.jsonl", count=6), "methods: [full_fine_tuning, adapt]."
    shown = tried(encoder, corpus, tmp_path, ["full_fine_tuning"], target)
    assert f"The target is scored, and no method learns from its texts. To adapt to them: {hint}" in shown
    assert hint not in tried(encoder, corpus, tmp_path, ["full_fine_tuning", "coral"], target)
    assert hint not in dry_run(load_config(tree=run_tree(encoder, corpus, tmp_path / "run")))


def test_joint_says_where_no_target_row_is_left_to_be_scored(encoder, corpus, tmp_path):
    target = write_corpus(tmp_path / "whole", sizes=(12, 6, 9))
    learned = "12 target rows of split train are learned from, with their labels."
    assert f"{learned}\n" in tried(encoder, corpus, tmp_path, ["joint"], target)
    alone = {"path": str(write_rows(tmp_path / "alone" / "train.jsonl", count=12).parent), "split": {"method": "given"}}
    tree = {**run_tree(encoder, corpus, tmp_path / "run"), "target": alone, "methods": ["joint"]}
    assert f"{learned} It has no other split: the model is not scored on the target." in dry_run(load_config(tree=tree))


def test_joint_that_leaves_the_target_out_is_compared_with_nothing(encoder, corpus, tmp_path):
    target = write_corpus(tmp_path / "whole", sizes=(12, 6, 9))
    shown = tried(encoder, corpus, tmp_path, [{"name": "joint", "source_weight_start": 1}], target)
    assert "12 target rows of split train are left out: λ is 1 all along.\n" in shown
    assert "Before it a run without" not in shown
    shown = tried(
        encoder, corpus, tmp_path, ["full_fine_tuning", "coral", {"name": "joint", "source_weight_start": 1}], target
    )
    assert "12 target rows of split train are seen without labels: λ is 1 all along.\n" in shown
    assert "Before it a run without coral is trained in" in shown


def test_promises_without_validation_rows_are_refused_by_the_dry_run(encoder, tmp_path):
    source = write_rows(tmp_path / "source" / "train.jsonl", count=12).parent
    tree = run_tree(encoder, source, tmp_path / "run")
    tree["source"]["split"] = {"method": "given", "validation": 0, "test": 0}
    tree["target"] = {"path": str(write_rows(tmp_path / "target.jsonl", count=12))}
    shifted = {**tree, "methods": ["full_fine_tuning", {"name": "self_training", "label_shift": True}]}
    with pytest.raises(DataError, match=r"which is needed for methods\.self_training\.label_shift\. Give"):
        dry_run(load_config(tree=shifted))
    tree["task"]["decision"] = {"sets": {"coverage": 0.9}}
    with pytest.raises(
        DataError, match=r"/source: the source has no validation split \(splits found: train\), which is"
    ):
        dry_run(load_config(tree=tree))


def test_the_metric_of_adapt_is_left_out_without_validation_rows_unless_it_is_asked_for(encoder, tmp_path):
    source = write_rows(tmp_path / "source" / "train.jsonl", count=12).parent
    tree = {**run_tree(encoder, source, tmp_path / "run"), "methods": ["full_fine_tuning", "adapt"]}
    tree["source"]["split"] = {"method": "given", "validation": 0, "test": 0}
    tree["target"] = {"path": str(write_rows(tmp_path / "target.jsonl", count=12))}
    tree["training"] = {"output_dir": str(tmp_path / "run"), "use_cpu": True, "report_to": "none", "max_steps": 2}
    config = load_config(tree=tree)
    assert config.training.metric_for_best_model == "target_infomax"
    report = run(config)
    assert report.metrics["target"]["test"]["rows"] == 12
    assert set(report.baselines) == {"majority", "tfidf_svm", "source_only"}  # which has no use for the target
    tree["training"] |= {"output_dir": str(tmp_path / "other"), "metric_for_best_model": "target_infomax"}
    with pytest.raises(DataError, match=r"which is needed for training\.metric_for_best_model: target_infomax\. Give"):
        dry_run(load_config(tree=tree))
