"""Whole experiments, on a tiny encoder and tiny corpora: what a run leaves, and what it refuses."""

import gzip
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import AutoPeftModelForSequenceClassification
from transformers import AutoTokenizer, pipeline

from nlp_transfer import run
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.config.parsing import read_yaml
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.metrics.bootstrap import bootstrap_difference
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.html import report_page
from nlp_transfer.reporting.predictions import read_predictions
from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.sections.findings import FINDINGS
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.blocks import Alert, Section
from nlp_transfer.training.setup import build_trainer, load_data, load_model
from tests.logged import logged
from tests.reporting.sections.reports import finding
from tests.tiny_runs import rows, run_tree, train_on_two_processes, write_corpus

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def multi_label_corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("multi"), multi_label=True)


@pytest.fixture(scope="module")
def finished(encoder, corpus, tmp_path_factory):
    """A finished run's folder and its report."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    return folder, run(load_config(tree=run_tree(encoder, corpus, folder, num_train_epochs=12)))


def predictions(folder):
    with gzip.open(folder / "predictions.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def test_a_run_learns_what_there_is_to_learn(finished):
    _, report = finished
    assert report.metrics["source"]["test"]["macro_f1"] > 0.9
    assert report.baselines["majority"]["source"]["test"]["accuracy"] == pytest.approx(1 / 3)


def test_what_a_run_leaves(finished):
    folder, _ = finished
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "baselines.json",
        "checkpoints",
        "config.yaml",
        "report.json",
        "log.jsonl",
        "metrics.json",
        "model",
        "predictions.jsonl.gz",
        "report.md",
        "report.html",
        "run.json",
    }
    assert not list((folder / "model").glob("*.bin"))
    assert json.loads((folder / "run.json").read_text())["status"] == "finished"
    assert load_config([folder / "config.yaml"]).task.max_length == 32


def test_the_page_of_a_run_has_its_figures_and_no_text(finished, corpus):
    folder, _ = finished
    page = (folder / "report.html").read_text()
    titles = re.findall(r"<title id=[^>]*>([^:<,]*)", page)
    assert titles == [
        "macro-F1 of source test",
        "F1 by class",
        "Confusion matrix",
        "loss by step",
        "macro-F1 by step",
        "Reliability diagram of source test",
        "Risk and coverage of source test",
        "Share right by length",
        "F1 by class frequency in training",
    ]
    texts = [json.loads(line)["text"] for file in corpus.iterdir() for line in file.read_text().splitlines()]
    assert not [text for text in texts if text in page]
    assert report_page(Report.read(folder)) == page


def test_texts_stand_in_the_page_where_they_are_asked_for(encoder, corpus, tmp_path):
    tree = {**run_tree(encoder, corpus, tmp_path / "run", max_steps=1), "baselines": [], "report_examples": 2}
    report = run(load_config(tree=tree))
    (section,) = [one for one in report.findings if one.title == "Worst errors"]
    shown = [row[0] for row in section.blocks[1].rows]
    assert len(shown) == 2 and all(text in (tmp_path / "run" / "report.html").read_text() for text in shown)


def test_a_run_without_training_arguments_has_defaults_that_resume_sees(encoder, corpus, tmp_path):
    folder = tmp_path / "run"
    tree = {**run_tree(encoder, corpus, folder), "baselines": []}
    tree["training"] = {"output_dir": str(folder), "cpu_threads": 1, "report_to": "none", "disable_tqdm": True}
    report = run(load_config(tree=tree))
    training = read_yaml(folder / "config.yaml")["training"]
    assert (training["num_train_epochs"], training["per_device_train_batch_size"]) == (10, 8)
    assert report.config["training"] == training
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry][:2] == [1, 2]
    assert [entry["epoch"] for entry in log if "eval_macro_f1" in entry] == list(range(1, 11))
    assert report.metrics["source"]["validation"]["macro_f1"] >= max(
        entry["eval_macro_f1"] for entry in log if "eval_macro_f1" in entry
    )
    for again in (load_config(tree=tree), load_config(folder / "config.yaml")):
        assert run(again, resume=True).metrics == report.metrics
    tree["training"]["num_train_epochs"] = 3
    with pytest.raises(CheckpointError, match=r"training\.num_train_epochs: 10\.0 -> 3\.0"):
        run(load_config(tree=tree), resume=True)


def test_metrics_json_is_domain_split_metric(finished):
    folder, report = finished
    metrics = json.loads((folder / "metrics.json").read_text())
    assert list(metrics) == ["source"]
    assert list(metrics["source"]) == ["validation", "test"]
    test = metrics["source"]["test"]
    assert test["rows"] == 24
    assert set(test["per_class"]) == {"copyleft", "permissive", "public"}
    assert test["per_class"]["public"]["support"] == 8
    assert test["macro_f1"] == pytest.approx(report.metrics["source"]["test"]["macro_f1"])


def test_the_metrics_follow_from_the_predictions_file(finished):
    folder, report = finished
    test = [row for row in predictions(folder) if row["split"] == "test"]
    assert [row["id"] for row in test] == [row["id"] for row in rows(24, seed=2)]
    assert [row["label"] for row in test] == [row["label"] for row in rows(24, seed=2)]
    names = ["copyleft", "permissive", "public"]
    again = classification_metrics(
        [names.index(row["predicted"]) for row in test],
        [names.index(row["label"]) for row in test],
        names,
        multi_label=False,
    )
    assert again["macro_f1"] == pytest.approx(report.metrics["source"]["test"]["macro_f1"])
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5) for row in test)


def test_plain_transformers_gives_the_same_predictions(finished):
    folder, _ = finished
    classify = pipeline("text-classification", model=str(folder / "model"), truncation=True, top_k=None, device="cpu")
    test = [row for row in predictions(folder) if row["split"] == "test"]
    for row, text in zip(test, (row["text"] for row in rows(24, seed=2)), strict=True):
        scores = {answer["label"]: answer["score"] for answer in classify([text])[0]}
        assert scores == pytest.approx(row["probabilities"], abs=1e-5)


def test_the_log_has_a_line_for_each_entry(finished):
    folder, _ = finished
    entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    evaluations = [entry for entry in entries if "eval_macro_f1" in entry]
    assert [entry["epoch"] for entry in evaluations] == list(range(1, 13))
    assert [entry["step"] for entry in evaluations] == list(range(6, 73, 6))


def test_the_report_says_what_was_done(finished):
    folder, _ = finished
    text = (folder / "report.md").read_text()
    for part in ("tfidf_svm", "majority", "full_fine_tuning", "Parameters trained:", "transformers ", "max_length: 32"):
        assert part in text, part


def test_a_finished_run_is_not_overwritten_and_resuming_it_ends_at_once(finished, encoder, corpus):
    folder, _ = finished
    tree = run_tree(encoder, corpus, folder, num_train_epochs=12)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(CheckpointError, match=r"holds a finished run.*is not overwritten.*--resume"):
        run(load_config(tree=tree))
    with pytest.raises(CheckpointError, match=r"training\.learning_rate: 0\.005 -> 0\.01"):
        run(load_config(tree=tree, overrides=[("training.learning_rate", 0.01)]), resume=True)
    again = run(load_config(tree=tree), resume=True)
    assert (again, list(again.facts)) == (finished[1], list(finished[1].facts))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_foreign_folder_is_refused(encoder, corpus, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match=r"is not empty and holds no run of ours.*thesis\.tex"):
        run(load_config(tree=run_tree(encoder, corpus, tmp_path)))
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_an_interrupted_run_is_resumed_to_the_same_end(encoder, corpus, tmp_path, monkeypatch):
    whole = run(load_config(tree=run_tree(encoder, corpus, tmp_path / "whole")))
    from nlp_transfer import TransferTrainer

    def interrupt(trainer, *args, **kwargs):
        if trainer.state.global_step == 8:  # in the second epoch
            raise KeyboardInterrupt
        return step(trainer, *args, **kwargs)

    step = TransferTrainer.training_step
    tree = run_tree(encoder, corpus, tmp_path / "cut")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TransferTrainer, "training_step", interrupt)
        run(load_config(tree=tree))
    with pytest.raises(CheckpointError, match="holds an unfinished run"):
        run(load_config(tree=tree))
    resumed = run(load_config(tree=tree), resume=True)
    first, second = (
        torch.cat([p.flatten() for p in saved_models.load(tmp_path / name).model.parameters()])
        for name in ("whole", "cut")
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert resumed.metrics["source"]["test"]["macro_f1"] == whole.metrics["source"]["test"]["macro_f1"]


def test_multi_label_with_tuned_thresholds(encoder, multi_label_corpus, tmp_path):
    folder = tmp_path / "run"
    report = run(load_config(tree=run_tree(encoder, multi_label_corpus, folder, num_train_epochs=12)))
    scores = report.metrics["source"]["test"]
    assert scores["micro_f1"] > 0.8
    assert "exact_match" in scores
    trained = saved_models.load(folder)
    assert trained.multi_label
    assert trained.decision.threshold_by_label() == pytest.approx(report.thresholds)
    for row in predictions(folder):
        chosen = [name for name, p in row["probabilities"].items() if p >= report.thresholds[name] - 1e-6]
        assert row["predicted"] == chosen


def test_lora_leaves_a_merged_model_and_the_adapter(encoder, corpus, tmp_path):
    folder = tmp_path / "run"
    tree = {**run_tree(encoder, corpus, folder, num_train_epochs=12), "methods": [{"name": "lora", "r": 4}]}
    report = run(load_config(tree=tree))
    assert report.cost.trainable_parameters < report.cost.total_parameters / 2
    assert report.cost.hardware is not None and report.cost.hardware.endswith(", float32")
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
    assert not (folder / "adapter" / "training_args.bin").exists()
    classify = pipeline("text-classification", model=str(folder / "model"), truncation=True, top_k=None, device="cpu")
    for row, text in zip([r for r in predictions(folder) if r["split"] == "test"], rows(24, seed=2), strict=True):
        scores = {answer["label"]: answer["score"] for answer in classify([text["text"]])[0]}
        assert scores == pytest.approx(row["probabilities"], abs=1e-5)


def test_the_saved_model_is_calibrated_and_decides_as_the_report_says(encoder, corpus, tmp_path):
    reports = {}
    for calibration in ("none", "temperature"):
        tree = run_tree(encoder, corpus, tmp_path / calibration, num_train_epochs=2)
        decision = {"calibration": calibration, "sets": {"coverage": 0.5}, "abstain": {"precision": 0.6}}
        reports[calibration] = run(load_config(tree={**tree, "task": {**tree["task"], "decision": decision}}))
    before, after = (report.metrics["source"]["validation"] for report in reports.values())
    assert after["nll"] < before["nll"]
    assert after["accuracy"] == before["accuracy"]
    promises = {"accepted", "accepted_precision_low", "coverage", "coverage_per_class", "set_size"}
    assert promises <= reports["none"].metrics["source"]["test"].keys()
    assert not promises & before.keys()  # which the decision was fitted on
    decision = next(section for section in reports["temperature"].findings if section.title == "Decision")
    assert "divided by a temperature of" in decision.blocks[0].markdown
    classify = pipeline("text-classification", model=str(tmp_path / "temperature" / "model"), top_k=None, device="cpu")
    saved = [row for row in predictions(tmp_path / "temperature") if row["split"] == "test"]
    texts = [text["text"] for text in rows(24, seed=2)]
    predicted = saved_models.load(tmp_path / "temperature").predict(texts)
    for row, one, answers in zip(saved, predicted, classify(texts), strict=True):
        assert {answer["label"]: answer["score"] for answer in answers} == pytest.approx(row["probabilities"], abs=1e-5)
        assert (one.predicted, one.decision, one.set) == (row["predicted"], row["decision"], row["set"])


def test_a_decision_is_fitted_on_calibration_rows_where_there_are_some(encoder, corpus, tmp_path):
    tree = run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    tree["source"] = {**tree["source"], "split": {"calibration": 0.2}}
    report = run(load_config(tree={**tree, "task": {**tree["task"], "decision": {"sets": {"coverage": 0.95}}}}))
    assert report.corpora["source"].rows["calibration"] == 18  # of 90
    assert set(report.metrics["source"]) == {"validation", "test"}
    assert "coverage" in report.metrics["source"]["validation"]  # which the decision was not fitted on
    (warning,) = [text for text in report.warnings if text.startswith("A coverage of 0.95 takes at least 19")]
    assert "fewer are of copyleft (6), permissive (6), public (6)" in warning


def test_an_adapter_that_can_be_merged_leaves_a_plain_model(encoder, corpus, tmp_path):
    ia3 = {"target_modules": ["key", "value", "output.dense"], "feedforward_modules": ["output.dense"]}
    method = {"name": "peft", "peft_type": "IA3", "settings": ia3}
    tree = {**run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1), "methods": [method]}
    report = run(load_config(tree=tree))
    assert report.facts["peft"]["peft_type"] == "IA3"
    assert {"model", "adapter"} <= set(report.paths)
    assert probabilities_differ_by(saved_models.load(tmp_path / "run").model, tmp_path / "run") < 1e-5


def test_an_adapter_that_cannot_be_merged_is_left_alone(encoder, corpus, tmp_path):
    folder = tmp_path / "run"
    method = {"name": "peft", "peft_type": "PROMPT_TUNING", "settings": {"num_virtual_tokens": 4}}
    tree = {**run_tree(encoder, corpus, folder, num_train_epochs=1), "methods": [method]}
    with pytest.raises(
        ConfigError, match=r"4 virtual tokens are put before each text, .* Set task\.max_length to 76 or less"
    ):
        dry_run(load_config(tree={**tree, "task": {"max_length": 78}}))
    report = run(load_config(tree=tree))
    assert "model" not in report.paths
    assert not (folder / "model").exists()
    with pytest.raises(CheckpointError, match="load an adapter that was not merged with peft"):
        saved_models.load(folder)
    adapted = AutoPeftModelForSequenceClassification.from_pretrained(folder / "adapter", num_labels=3)
    assert probabilities_differ_by(adapted, folder) < 1e-5


@torch.no_grad()
def probabilities_differ_by(model, folder):
    """The largest difference between a model's probabilities and those that the run wrote for its test rows."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "adapter")
    largest = 0.0
    for row, text in zip([r for r in predictions(folder) if r["split"] == "test"], rows(24, seed=2), strict=True):
        logits = model.eval()(**tokenizer([text["text"]], truncation=True, return_tensors="pt")).logits
        written = torch.tensor(list(row["probabilities"].values()))
        largest = max(largest, float((logits.softmax(-1)[0] - written).abs().max()))
    return largest


def test_frozen_encoder_leaves_a_plain_model(encoder, corpus, tmp_path):
    folder = tmp_path / "run"
    report = run(load_config(tree={**run_tree(encoder, corpus, folder), "methods": ["frozen_encoder"]}))
    assert report.facts["frozen_encoder"]["pooling"] in ("mean", "cls")
    classify = pipeline("text-classification", model=str(folder / "model"), truncation=True, top_k=None, device="cpu")
    for row, text in zip([r for r in predictions(folder) if r["split"] == "test"], rows(24, seed=2), strict=True):
        scores = {answer["label"]: answer["score"] for answer in classify([text["text"]])[0]}
        assert scores == pytest.approx(row["probabilities"], abs=1e-4)


def test_a_target_domain_is_scored_and_its_labels_change_nothing(encoder, corpus, finished, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    lines = [{**row, "label": "public"} for row in rows(12, seed=9)]  # wrong labels, on purpose
    (target / "all.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    tree = {**run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=12), "target": {"path": str(target)}}
    report = run(load_config(tree=tree))
    assert report.metrics["source"]["test"]["macro_f1"] == finished[1].metrics["source"]["test"]["macro_f1"]
    assert report.metrics["target"]["test"]["accuracy"] == pytest.approx(1 / 3)
    assert "target" in json.loads((tmp_path / "run" / "metrics.json").read_text())


def test_an_unlabelled_target_gets_predictions_without_scores(encoder, corpus, tmp_path):
    (tmp_path / "new.csv").write_text("text\nuse copy modify freely\nwaive domain dedicate rights\n")
    tree = {**run_tree(encoder, corpus, tmp_path / "run"), "target": {"path": str(tmp_path / "new.csv")}}
    report = run(load_config(tree=tree))
    assert list(report.metrics["source"]) == ["validation", "test"]
    assert "target" not in {domain for domain, splits in report.metrics.items() if splits}
    found = [row for row in predictions(tmp_path / "run") if row["domain"] == "target"]
    assert len(found) == 2
    assert found[0]["label"] is None


@pytest.mark.slow
def test_the_report_says_which_checkpoint_each_way_of_choosing_would_take(encoder, corpus, tmp_path):
    (tmp_path / "target.jsonl").write_text("\n".join(map(json.dumps, rows(24, seed=9))))
    models = []
    for progress in (True, False):
        tree = run_tree(encoder, corpus, tmp_path / f"run-{progress}", num_train_epochs=3)
        tree["training"]["metric_for_best_model"] = "target_infomax"
        tree |= {"target": {"path": str(tmp_path / "target.jsonl")}, "methods": ["full_fine_tuning", "coral"]}
        report = run(load_config(tree={**tree, "source_only_baseline": False, "log_target_scores": progress}))
        models.append((tmp_path / f"run-{progress}" / "model" / "model.safetensors").read_bytes())
        assert bool(finding(report, "Checkpoints")) is progress
        if progress:
            facts, metrics = finding(report, "Checkpoints"), report.metrics["target"]["test"]
    assert models[0] == models[1]  # what is logged changes nothing
    assert list(facts) == [
        "best by the target's labels",
        "by target_infomax",
        "by macro_f1 (the source's)",
        "by target_entropy",
        "by target_density",
    ]
    lines = [json.loads(line) for line in (tmp_path / "run-True" / "log.jsonl").read_text().splitlines()]
    scores = {line["step"]: line["eval_target_macro_f1"] for line in lines if "eval_target_macro_f1" in line}
    assert sorted(scores) == [6, 12, 18]
    found = {name: int(words.rsplit(" ", 1)[1]) for name, words in facts.items()}
    assert scores[found["best by the target's labels"]] == max(scores.values())
    chosen = found["by target_infomax"]
    assert metrics["macro_f1"] == pytest.approx(scores[chosen], abs=1e-6)
    assert facts["by target_infomax"] == f"macro-F1 {scores[chosen]:.3f} at step {chosen}"


def test_a_target_without_labels_has_no_progress_by_them(encoder, corpus, tmp_path):
    (tmp_path / "target.jsonl").write_text('{"text": "use copy"}\n{"text": "waive domain"}\n')
    tree = {**run_tree(encoder, corpus, tmp_path / "run"), "log_target_scores": True}
    with pytest.raises(ConfigError, match="log_target_scores needs text of a target domain, and there is none"):
        load_config(tree=tree)
    with pytest.raises(
        ConfigError,
        match=r"log_target_scores scores the target by its labels\. The target \(.*/target.jsonl\) has none",
    ):
        dry_run(load_config(tree={**tree, "target": {"path": str(tmp_path / "target.jsonl")}}))


@pytest.mark.slow
def test_several_sources_are_domains_of_their_own(encoder, corpus, tmp_path):
    """Two sources and a target: weights by its texts, scores of each source, and a source-only run without it."""
    other = tmp_path / "other"
    other.mkdir()
    for name, seed in (("train", 31), ("dev", 32)):
        (other / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows(24, seed=seed))))
    (tmp_path / "target.jsonl").write_text("\n".join(map(json.dumps, rows(12, seed=9))))
    tree = run_tree(encoder, corpus, tmp_path / "run", source_weights="distance")
    tree |= {
        "source": [{"path": str(corpus)}, {"path": str(other)}],
        "target": {"path": str(tmp_path / "target.jsonl")},
        "methods": ["full_fine_tuning", "dann"],
    }
    shares = [line for line in dry_run(load_config(tree=tree)).splitlines() if "of what an epoch draws" in line]
    report = run(load_config(tree=tree))
    found = report.facts["rows of each source"]
    assert shares == [f"{name}: {share}" for name, share in found.items()]
    assert report.corpora["source"].rows == {"train": 72, "validation": 42, "test": 24}
    name, shares = corpus.name, report.facts["rows of each source"]
    assert shares[name].startswith("48 training rows, 0.")
    assert shares["other"].startswith("24 training rows, 0.")
    scores = finding(report, "macro-F1 by source")
    assert "(18 rows), test" in scores[name] and scores["other"].endswith("(24 rows)")
    alone = finding(Report.read(tmp_path / "run" / "source_only"), "macro-F1 by source")
    assert {one: scores[f"{one}, source_only"] for one in alone} == alone != {}
    assert {row["id"].split("/")[0] for row in predictions(tmp_path / "run") if row["domain"] == "source"} == {
        name,
        "other",
    }
    alone = read_yaml(tmp_path / "run" / "source_only" / "config.yaml")
    assert alone["training"]["source_weights"] == "size"
    assert "rows of each source" in (tmp_path / "run" / "report.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["dann", "cdan", "mmd", "coral", "target_mlm"])
def test_a_run_that_adapts_never_sees_target_labels(encoder, corpus, tmp_path, method):
    """Right labels of the target, wrong ones, and none make the same model."""
    models = []
    for name, label in (("right", None), ("wrong", "public"), ("none", "")):
        lines = [
            {key: value for key, value in row.items() if label != "" or key != "label"} for row in rows(12, seed=9)
        ]
        lines = [{**line, "label": label} if label else line for line in lines]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        tree = run_tree(encoder, corpus, tmp_path / f"run-{name}", logging_steps=4)
        tree |= {"target": {"path": str(tmp_path / f"{name}.jsonl")}, "methods": ["full_fine_tuning", method]}
        tree["source_only_baseline"] = False
        with logged() as said:
            report = run(load_config(tree=tree))
        which = "(all of its one file)" if label != "" else "of split unlabeled"
        assert f"12 target rows {which} are seen in training, without labels." in said[0]
        models.append((tmp_path / f"run-{name}" / "model" / "model.safetensors").read_bytes())
        assert bool(report.metrics.get("target")) is (label != "")
    assert models[0] == models[1] == models[2]
    plain = run(
        load_config(
            tree={
                **tree,
                "methods": ["full_fine_tuning"],
                "training": {**tree["training"], "output_dir": str(tmp_path / "plain")},
            }
        )
    )
    assert (tmp_path / "plain" / "model" / "model.safetensors").read_bytes() != models[0]
    assert report.cost.tokens_trained > 1.5 * plain.cost.tokens_trained
    log = [json.loads(line) for line in (tmp_path / "run-none" / "log.jsonl").read_text().splitlines()]
    assert any(f"{method}_loss" in entry for entry in log)


def test_a_run_too_short_for_pseudo_labels_says_so(encoder, corpus, tmp_path):
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))
    tree = run_tree(encoder, corpus, tmp_path / "run", max_steps=2, eval_strategy="no", save_strategy="no")
    tree["training"] |= {"load_best_model_at_end": False}
    tree |= {"target": {"path": str(tmp_path / "target.jsonl")}, "source_only_baseline": False}
    tree["methods"] = ["full_fine_tuning", "self_training"]
    facts = finding(run(load_config(tree=tree)), "Pseudo-labels")
    assert facts == {"texts": "none: training ended before the first epoch that gives them"}


@pytest.mark.slow
def test_the_report_says_how_many_pseudo_labels_are_right(encoder, corpus, tmp_path):
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in rows(30, seed=9)))
    tree = run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=6, learning_rate=1e-2)
    tree |= {"target": {"path": str(tmp_path / "target.jsonl")}, "source_only_baseline": False}
    tree["methods"] = ["full_fine_tuning", {"name": "self_training", "least_probability": 0.0, "last_share": 1.0}]
    with logged() as said:
        facts = finding(run(load_config(tree=tree)), "Pseudo-labels")
    assert facts["texts"] == "30 of 30 in the last epoch"
    assert "self_training: 30 of 30 target texts have a pseudo-label in epoch 6." in said
    right = {
        name: facts[f"right of {name}"] for name in ("public", "permissive", "copyleft") if f"right of {name}" in facts
    }
    counts = [int(value.split(" of ")[1]) for value in right.values()]
    assert sum(counts) == 30
    whole = sum(float(value.split(" of ")[0]) * count for value, count in zip(right.values(), counts, strict=True)) / 30
    assert float(facts["right, by the labels"]) == pytest.approx(whole, abs=0.01)
    assert whole > 0.5  # a third by chance


@pytest.mark.slow
def test_a_joint_run_learns_from_the_targets_training_rows_alone(encoder, corpus, tmp_path):
    target = write_corpus(tmp_path / "target", sizes=(12, 6, 9))
    tree = {**run_tree(encoder, corpus, tmp_path / "run", logging_steps=4), "target": {"path": str(target)}}
    tree["methods"] = ["full_fine_tuning", {"name": "joint", "source_weight_start": 0.6}]
    with logged() as said:
        report = run(load_config(tree=tree))
    assert report.baselines["source_only"]["target"]["test"]["rows"] == 9
    assert "12 target rows of split train are learned from, with their labels." in said[0]
    assert report.metrics["target"]["test"]["per_class"]
    learned = "those of 12 rows of split train were learned from, by joint; not by the baselines"
    assert (
        finding(report, "Target labels") == {"learned from": learned}
        and learned in (tmp_path / "run" / "report.md").read_text()
    )
    entry = next(e for e in map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines()) if "loss" in e)
    assert entry["joint_lambda"] == pytest.approx(0.6)
    assert entry["loss"] == pytest.approx(0.6 * entry["source_loss"] + 0.4 * entry["joint_loss"])

    (tmp_path / "one.jsonl").write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))
    tree |= {"target": {"path": str(tmp_path / "one.jsonl")}}
    tree["training"]["output_dir"] = str(tmp_path / "other")
    with pytest.raises(
        DataError,
        match=r"one\.jsonl\) has no training split with labels .*, and joint learns from labelled target rows\.",
    ):
        run(load_config(tree=tree))
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_the_source_only_baseline_is_trained_and_warns_of_negative_transfer(encoder, corpus, tmp_path, monkeypatch):
    """The source-only run is what it would be alone, and changes nothing in the run that adapts; both resume."""
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))

    def tree(name, methods, **more):
        made = run_tree(encoder, corpus, tmp_path / name, num_train_epochs=8)
        made["target"] = {"path": str(tmp_path / "target.jsonl")}
        return load_config(tree={**made, "methods": methods, **more})

    def weights(folder):
        return (folder / "model" / "model.safetensors").read_bytes()

    adapting = ["full_fine_tuning", {"name": "mmd", "weight": 0.5}]
    without = run(tree("without", adapting, source_only_baseline=False))
    alone = run(tree("alone", ["full_fine_tuning"]))
    monkeypatch.setattr("nlp_transfer.metrics.negative_transfer.NegativeTransferTest.warns", True)
    beside = f"Before it a run without mmd is trained in {tmp_path / 'both' / 'source_only'}."
    assert beside in dry_run(tree("both", adapting))
    with logged() as said:
        report = run(tree("both", adapting))
    assert weights(tmp_path / "both") == weights(tmp_path / "without")
    assert weights(tmp_path / "both" / "source_only") == weights(tmp_path / "alone")
    beside = read_yaml(tmp_path / "both" / "source_only" / "config.yaml")
    assert beside["training"]["output_dir"] == str(tmp_path / "both" / "source_only")
    assert [method["name"] for method in beside["methods"]] == ["full_fine_tuning"]
    metrics = json.loads((tmp_path / "alone" / "metrics.json").read_text())
    gains = {"macro_f1_gain_low", "macro_f1_gain_high"}
    for domain, splits in report.baselines["source_only"].items():
        for split, scores in splits.items():
            assert scores.keys() - metrics[domain][split].keys() == gains
            assert scores | metrics[domain][split] == scores
    assert set(report.baselines) == {"majority", "tfidf_svm", "source_only"}
    assert report.metrics == without.metrics
    facts = finding(report, "Adaptation")
    adapted, only = (one.metrics["target"]["test"]["macro_f1"] for one in (report, alone))
    assert f"macro-F1 {adapted:.3f} adapted, {only:.3f} source-only" in facts["preferred by the labels"]
    assert f"First without mmd, to compare with: {tmp_path / 'both' / 'source_only'}" in said
    assert any(line.startswith("Without mmd: source test macro-F1 ") for line in said)
    assert report.warnings == (said[-1],)
    sides = [
        read_predictions(tmp_path / name / "predictions.jsonl.gz", "target", ["test"])[1] for name in ("both", "alone")
    ]
    with gzip.open(tmp_path / "both" / "predictions.jsonl.gz", "rt") as lines:
        read = [row for row in map(json.loads, lines) if row["domain"] == "target"]
    names = list(read[0]["probabilities"])
    low, high = bootstrap_difference(*sides, [names.index(row["label"]) for row in read], "macro_f1")
    assert f"95 % over rows {low:+.3f} to {high:+.3f})" in facts["preferred by the labels"]
    assert report.baselines["source_only"]["target"]["test"]["macro_f1_gain_low"] == low
    verdict = "wrong" if low > 0 else "right" if high < 0 else "neither right nor wrong for sure"
    assert facts["the warning"] == f"{verdict}, by the labels"
    assert said[-1].startswith("Adaptation looks worse than training on the source alone")
    assert f"{tmp_path / 'both' / 'source_only'}/model" in said[-1]
    assert "| preferred by the labels | " in (tmp_path / "both" / "report.md").read_text()
    assert run(tree("both", adapting), resume=True) == report
    monkeypatch.setattr(
        "nlp_transfer.training.target_evaluation.vanishing_classes", lambda *_: None
    )  # it is hardly trained
    corrected = run(tree("corrected", adapting, prior_correction=True))
    frequencies = {name: finding(corrected, "Class frequencies")[name] for name in finding(report, "Class frequencies")}
    assert frequencies == finding(report, "Class frequencies")  # those before the correction
    assert corrected.metrics != report.metrics
    assert finding(corrected, "Adaptation") == {**facts, "both are": "without prior_correction"}

    from nlp_transfer import TransferTrainer

    train = TransferTrainer.train
    calls = []

    def stops(self, *args, **kwargs):
        calls.append(str(self.args.output_dir))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(self, *args, **kwargs)

    monkeypatch.setattr(TransferTrainer, "train", stops)
    with pytest.raises(KeyboardInterrupt):
        run(tree("cut", adapting))
    assert calls[0].endswith("cut/source_only/checkpoints")
    with logged() as again:
        resumed = run(tree("cut", adapting), resume=True)
    assert len(calls) == 3  # the source-only run was finished
    assert not any(line.startswith("First without mmd") for line in again)
    assert any(line.startswith("Without mmd: source test macro-F1 ") for line in again)
    assert weights(tmp_path / "cut") == weights(tmp_path / "both")
    assert resumed.metrics == report.metrics


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full_fine_tuning", "lora"])
def test_class_frequencies_of_the_target_are_estimated_and_corrected_for(encoder, corpus, tmp_path, method):
    shifted = [row for row in rows(60, seed=9) if row["label"] == "public" or row["id"].endswith("0")]
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in shifted))

    def finish(name, **more):
        made = run_tree(encoder, corpus, tmp_path / name, num_train_epochs=6, learning_rate=1e-2)
        tree = {**made, "target": {"path": str(tmp_path / "target.jsonl")}, "methods": [method], **more}
        return run(load_config(tree=tree))

    plain, corrected = finish("plain"), finish("corrected", prior_correction=True)
    share = sum(row["label"] == "public" for row in shifted) / len(shifted)
    facts = finding(plain, "Class frequencies")
    assert float(facts["public"].split(" ")[0]) == pytest.approx(1 / 3, abs=0.02)
    assert facts["public"].endswith(f"; by its labels {share:.3f}")
    assert float(facts["public"].split("about ")[1].split(" ")[0]) == pytest.approx(share, abs=0.1)
    before = plain.metrics["target"]["test"]["macro_f1"]
    assert finding(corrected, "Class frequencies")["target test macro-F1 before"] == f"{before:.3f}"
    assert "corrected" not in facts
    assert not plain.warnings
    after = corrected.metrics["target"]["test"]["macro_f1"]
    assert bool(corrected.warnings) == (after < before)
    both = [
        [row["probabilities"]["public"] for row in predictions(tmp_path / name) if row["domain"] == "target"]
        for name in ("plain", "corrected")
    ]
    assert sum(both[1]) > sum(both[0])
    assert sum(both[1]) / len(shifted) == pytest.approx(
        float(finding(corrected, "Class frequencies")["public"].split("about ")[1].split(" ")[0]), abs=0.05
    )
    # What was corrected is in the saved model: whoever loads it gets the run's probabilities.
    classify = pipeline("text-classification", model=str(tmp_path / "corrected" / "model"), top_k=None)
    for text, row in zip(
        shifted[:5], [r for r in predictions(tmp_path / "corrected") if r["domain"] == "target"], strict=False
    ):
        found = {one["label"]: one["score"] for one in classify([text["text"]])[0]}
        assert found["public"] == pytest.approx(row["probabilities"]["public"], abs=1e-5)


def test_a_model_at_chance_is_not_corrected(encoder, corpus, tmp_path, monkeypatch):
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))
    made = run_tree(encoder, corpus, tmp_path / "run", max_steps=1, learning_rate=1e-9)
    config = load_config(tree={**made, "target": {"path": str(tmp_path / "target.jsonl")}, "prior_correction": True})
    harm = Section("Harm", (Alert("It does harm."),))
    monkeypatch.setattr("nlp_transfer.reporting.sections.findings.FINDINGS", (*FINDINGS, lambda run: harm))
    with logged() as said:
        report = run(config)
    assert report.warnings == (said[-1],) == ("It does harm.",)
    facts = finding(report, "Class frequencies")
    chance = "on source validation the model is no better than chance, so there is no estimate for the target"
    assert facts["no estimate"] == chance
    assert facts["corrected"] == "no"
    assert any(line.startswith("prior_correction: nothing is corrected: on source validation") for line in said)


def test_what_would_stop_an_adapting_run_later_is_found_before_anything_is_written(encoder, corpus, tmp_path):
    many = write_corpus(tmp_path / "many", multi_label=True)
    (tmp_path / "two.jsonl").write_text('{"text": "use copy"}\n{"text": "waive domain"}\n')
    tree = {**run_tree(encoder, many, tmp_path / "run"), "target": {"path": str(many)}}
    tree["methods"] = ["full_fine_tuning", {"name": "self_training", "source_epochs": 2}]
    with pytest.raises(ConfigError) as caught:
        run(load_config(tree=tree))
    assert caught.value.problems == [
        "self_training.source_epochs is 2 and training.num_train_epochs 2, so no pseudo-label would be given. Train "
        "longer.",
    ]
    tree = {**run_tree(encoder, corpus, tmp_path / "run"), "target": {"path": str(tmp_path / "two.jsonl")}}
    tree["training"]["metric_for_best_model"] = "target_density"
    with pytest.raises(
        ConfigError, match=r"target_density, which compares .* The target \(.*two.jsonl\) has fewer than 3 texts\."
    ):
        dry_run(load_config(tree=tree))
    tree["training"]["metric_for_best_model"], tree["methods"] = "macro_f1", ["full_fine_tuning", "coral"]
    few = "2 target rows of split unlabeled are seen in training, without labels. They are few: each comes 24 times"
    assert few in dry_run(load_config(tree=tree))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_an_error_after_the_source_only_baseline_leaves_a_folder_that_goes_on(encoder, corpus, tmp_path, monkeypatch):
    """What the run beside has learned is kept, and the run may go on or begin anew."""
    (tmp_path / "target.jsonl").write_text("\n".join(json.dumps(row) for row in rows(12, seed=9)))
    tree = {**run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1), "methods": ["full_fine_tuning", "coral"]}
    config = load_config(tree={**tree, "target": {"path": str(tmp_path / "target.jsonl")}})
    with monkeypatch.context() as patch:
        patch.setattr("nlp_transfer.runner.build_trainer", fails_the_second_time(build_trainer))
        with pytest.raises(ConfigError, match="not this time"):
            run(config)
    with pytest.raises(CheckpointError, match="--resume"):
        run(config)
    assert run(config, resume=True).baselines["source_only"]
    assert (tmp_path / "run" / "source_only" / "model").is_dir()


def fails_the_second_time(function):
    calls = []

    def called(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise ConfigError("not this time")
        return function(*args, **kwargs)

    return called


def test_prior_correction_of_several_labels_is_refused_before_anything_is_written(encoder, tmp_path):
    many = write_corpus(tmp_path / "many", multi_label=True)
    tree = {**run_tree(encoder, many, tmp_path / "run"), "target": {"path": str(many)}, "prior_correction": True}
    with pytest.raises(ConfigError, match="prior_correction is for one label a text, and the source has several"):
        run(load_config(tree=tree))
    assert not (tmp_path / "run").exists()


def test_a_label_that_training_has_not_seen_is_refused_before_anything_is_written(encoder, corpus, tmp_path):
    (tmp_path / "target.csv").write_text("text,label\nuse copy,proprietary\n")
    tree = {**run_tree(encoder, corpus, tmp_path / "run"), "target": {"path": str(tmp_path / "target.csv")}}
    with pytest.raises(DataError, match="proprietary"):
        run(load_config(tree=tree))
    assert not (tmp_path / "run").exists()


def test_texts_longer_than_the_encoder_are_refused_and_cut_ones_are_counted(encoder, corpus, tmp_path):
    tree = run_tree(encoder, corpus, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"task\.max_length is 500, but .* reads at most 80 tokens"):
        run(load_config(tree={**tree, "task": {"max_length": 500}}))
    assert not (tmp_path / "run").exists()
    report = run(load_config(tree={**tree, "task": {"max_length": 12}}))
    cut = report.facts["source texts cut at the task's length"]
    assert re.fullmatch(r"\d+ of 90 \(\d+%\), \d+\.\d% of all tokens", cut)


def test_texts_that_the_tokenizer_cannot_read_are_warned_of(encoder, tmp_path):
    corpus = write_corpus(tmp_path / "chinese")
    lines = (corpus / "train.jsonl").read_text().splitlines()
    row = {**json.loads(lines[0]), "text": "\u5408\u540c \u6cd5"}
    (corpus / "train.jsonl").write_text("\n".join([json.dumps(row), *lines[1:]]))
    with logged() as said:
        report = run(load_config(tree=run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)))
    warning = next(one for one in report.warnings if "unreadable" in one)
    assert re.match(r"source: 1 of 90 \(1%\) texts are unreadable: .*as in id row0-0\. Take", warning)
    assert f"Warning: {warning}" in "\n".join(said)
    assert "**Warning**: source: 1 of 90" in (tmp_path / "run" / "report.md").read_text()
    assert "\u5408" not in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_two_processes_give_the_metrics_of_one(encoder, corpus, tmp_path):
    one = run(load_config(tree=run_tree(encoder, corpus, tmp_path / "one", train_sampling_strategy="sequential")))
    tree = run_tree(
        encoder,
        corpus,
        tmp_path / "two",
        train_sampling_strategy="sequential",
        per_device_train_batch_size=4,
    )
    done = train_on_two_processes(tree, tmp_path)
    assert done.stdout.count("per class") == 1  # one process speaks
    two = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert two["source"]["test"]["rows"] == one.metrics["source"]["test"]["rows"]
    assert len(predictions(tmp_path / "two")) == len(predictions(tmp_path / "one"))
    for row in predictions(tmp_path / "two"):
        assert np.isfinite(list(row["probabilities"].values())).all()


def test_a_run_that_never_began_leaves_its_folder_free(encoder, corpus, tmp_path):
    tree = run_tree(encoder, corpus, tmp_path / "run")
    with pytest.raises(ConfigError, match=r"partial_fine_tuning\.layers is 99"):
        run(load_config(tree={**tree, "methods": [{"name": "partial_fine_tuning", "layers": 99}]}))
    assert not (tmp_path / "run").exists()


def test_target_texts_that_are_copies_of_training_texts_are_counted(encoder, corpus, tmp_path):
    copied, others = rows(5, seed=0), rows(7, seed=9)  # the first are training rows, and the others labelled wrong
    following = {"permissive": "copyleft", "copyleft": "public", "public": "permissive"}
    lines = [json.dumps(row) for row in [*copied, *({**row, "label": following[row["label"]]} for row in others)]]
    (tmp_path / "target.jsonl").write_text("\n".join(lines))
    tree = {**run_tree(encoder, corpus, tmp_path / "run"), "target": {"path": str(tmp_path / "target.jsonl")}}
    with logged() as said:
        report = run(load_config(tree={**tree, "methods": ["full_fine_tuning"]}))
    note = "test: 5 of 12 texts are exact copies of the source's training texts."
    assert note in report.corpora["target"].notes
    assert note in "\n".join(said)
    assert "full_fine_tuning: trains " in said[-2]
    (warning,) = report.warnings
    assert said[-1] == warning
    assert warning.startswith("target test: 5 of 12 texts are exact copies of training texts. Without them macro-F1 is")
    assert list(finding(report, "Copies of training texts")) == ["target test"]


def interrupted_run(encoder, corpus, tmp_path, monkeypatch):
    """The tree of a run of 12 steps that stopped after its first epoch was saved."""
    from nlp_transfer import TransferTrainer

    tree = run_tree(encoder, corpus, tmp_path / "run")
    step = TransferTrainer.training_step

    def stops(self, *args, **kwargs):
        if self.state.global_step == 8:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(TransferTrainer, "training_step", stops)
        with pytest.raises(KeyboardInterrupt):
            run(load_config(tree=tree))
    return tree


def test_another_model_in_the_same_place_is_refused_on_resuming(encoder, corpus, tmp_path, monkeypatch):
    copy = shutil.copytree(encoder, tmp_path / "encoder")
    tree = interrupted_run(copy, corpus, tmp_path, monkeypatch)
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    with pytest.raises(CheckpointError, match="unfinished run with another model: its fingerprint was"):
        run(load_config(tree=tree), resume=True)


def test_a_run_without_a_whole_checkpoint_does_not_begin_anew_by_itself(encoder, corpus, tmp_path, monkeypatch):
    tree = interrupted_run(encoder, corpus, tmp_path, monkeypatch)
    for optimizer in (tmp_path / "run" / "checkpoints").glob("*/optimizer.pt"):
        optimizer.unlink()
    with pytest.raises(
        CheckpointError,
        match=r"optimizer\.pt is missing[\s\S]*no whole checkpoint\. --archive_existing \(.*\) starts anew",
    ):
        run(load_config(tree=tree), resume=True)


def test_a_run_that_met_a_bad_number_goes_on_with_skip(encoder, corpus, tmp_path, monkeypatch):
    tree = interrupted_run(encoder, corpus, tmp_path, monkeypatch)
    with logged() as said:
        resumed = run(load_config(tree=tree, overrides=[("training.on_nonfinite", "skip")]), resume=True)
    assert resumed is not None
    assert "training.on_nonfinite: not set -> 'skip'" in "\n".join(said)


def test_a_finished_run_whose_model_was_lost_says_so(encoder, corpus, tmp_path):
    tree = run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=1)
    run(load_config(tree=tree))
    (tmp_path / "run" / "model" / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing"):
        run(load_config(tree=tree), resume=True)
    shutil.rmtree(tmp_path / "run" / "model")
    with pytest.raises(CheckpointError, match="finished, but neither model/ nor adapter/"):
        run(load_config(tree=tree), resume=True)


@pytest.mark.slow
def test_frozen_layers_are_computed_once_for_all_epochs_and_runs(encoder, corpus, tmp_path, monkeypatch):
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "activations"

    def finish(name, methods, **training):
        tree = {**run_tree(encoder, corpus, tmp_path / name, num_train_epochs=3, **training), "methods": methods}
        with logged() as said:
            report = run(load_config(tree=tree))
        return report, [line for line in said if "layers" in line or "eatures" in line]

    partial = [{"name": "partial_fine_tuning", "layers": 1}]
    plain, said = finish("plain", partial, activation_cache=False)
    assert said == ["The frozen layers are computed in every epoch: training.activation_cache is off."]
    assert not kept.exists()
    report, said = finish("cached", partial)
    [entry] = kept.glob("*.act")
    size = entry.stat().st_size
    assert report.facts["activation_cache"] == {"used": True, "layers_passed_over": [2], "bytes": size}
    assert said == [
        f"Epochs start above the lowest 2 of 3 layers, from what these make of each text: {size / 1000:.1f} kB in {kept}."
    ]
    before = report.metrics["source"]["test"]
    assert before["loss"] == pytest.approx(plain.metrics["source"]["test"]["loss"], abs=1e-5)
    finish("another seed", partial, seed=7)
    assert list(kept.glob("*.act")) == [entry]

    frozen = [{"name": "frozen_encoder"}]
    first, said = finish("frozen", frozen)
    assert said[0].startswith("Every row was encoded once, and the features are kept: ")
    again, said = finish("frozen again", frozen, seed=7)
    assert said[0].startswith("Features were found: ")
    assert again.facts["frozen_encoder"] == first.facts["frozen_encoder"]
    assert again.metrics == first.metrics


def test_the_report_says_what_was_not_made_fast_and_why(encoder, corpus, finished, tmp_path):
    assert "padding is computed" not in finished[1].facts
    report = run(load_config(tree=run_tree(encoder, corpus, tmp_path / "run", unpadding=False, max_steps=1)))
    assert report.facts["padding is computed"] == "training.unpadding is off"
    assert "padding is computed: training.unpadding is off" in (tmp_path / "run" / "report.md").read_text()


def test_a_compiled_run_is_padded_to_few_lengths(encoder, corpus, tmp_path):
    config = load_config(tree=run_tree(encoder, corpus, tmp_path / "run", torch_compile=True))
    data = load_data(config)
    data.tokenizer.model_max_length = 512
    trainer, _ = build_trainer(config, data, load_model(config, data.task), tmp_path)
    assert trainer.data_collator([data.encoded["source"]["train"][0]])["input_ids"].shape == (1, 64)
