"""Whole runs that adapt a trained classifier without its source."""

import json

import pytest
from safetensors.torch import load_file

from nlp_transfer import diagnose, recommend, run
from nlp_transfer.commands import main
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimate import estimate
from nlp_transfer.commands.sweep_runs import read_sweep, run_sweep
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.reporting.config_record import to_yaml
from nlp_transfer.reporting.predictions import read_rows
from nlp_transfer.reporting.report import Report
from tests.reporting.sections.reports import finding
from tests.tiny_runs import rows, run_tree, train_on_two_processes, write_corpus


@pytest.fixture(scope="module")
def trained(encoder, corpus, tmp_path_factory):
    """The folder of a trained model."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run(load_config(tree=run_tree(encoder, corpus, folder, num_train_epochs=8)))
    return folder / "model"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """The file of a target's texts with labels, which only the report may read."""
    file = tmp_path_factory.mktemp("target") / "target.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows(40, seed=9)))
    return file


def tree(trained, target, output, **training):
    values = {"num_train_epochs": 2, "per_device_train_batch_size": 8, "report_to": "none", "disable_tqdm": True}
    return {
        "model": str(trained),
        "target": {"path": str(target)},
        "task": {"max_length": 32},
        "methods": ["full_fine_tuning", "source_free"],
        "training": {"output_dir": str(output), "use_cpu": True, "seed": 3, **values, **training},
    }


@pytest.fixture(scope="module")
def adapted(trained, target, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapted") / "run"
    return folder, run(load_config(tree=tree(trained, target, folder, learning_rate=1e-3)))


def test_a_run_without_a_source_reports_what_it_changed(adapted, trained):
    folder, report = adapted
    assert set(report.corpora) == {"target"}
    assert report.metrics["source"] == {}
    assert list(report.baselines) == ["before training"]
    before = report.baselines["before training"]["target"]["test"]
    assert {"macro_f1", "macro_f1_gain_low", "macro_f1_gain_high"} <= before.keys()
    facts = finding(report, "Adaptation without a source")
    assert facts["texts whose class changed"].endswith(
        f" of 40 ({float(facts['texts whose class changed'][-5:-2]):.1f}%)"
    )
    assert {f"predicted {name}" for name in ("public", "permissive", "copyleft")} < facts.keys()
    sure = [float(part.split()[0]) for part in facts["mean confidence"].split(", ")]
    assert sure[0] == pytest.approx(sure[1], abs=2e-3)  # scaled to that of the model before
    page = (folder / "report.md").read_text()
    assert "Probabilities are scaled so that their mean confidence is that of the model before." in page
    assert f"`folder {trained}` moved into " in page
    assert len(read_rows(folder / "predictions.jsonl.gz", "target", "test")) == 40
    assert Report.read(folder) == report
    record = json.loads((trained / "config.json").read_text())["nlp_transfer"]
    assert record["class_frequencies"] == [pytest.approx(1 / 3, abs=1e-6)] * 3
    weights, old = (load_file(one / "model.safetensors") for one in (folder / "model", trained))
    assert any(not weights[name].equal(old[name]) for name in old if "encoder" in name)


def test_its_labels_change_nothing(adapted, trained, target, tmp_path):
    bare = tmp_path / "bare.jsonl"
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    bare.write_text("\n".join(json.dumps({key: line[key] for key in ("id", "text")}) for line in lines))
    report = run(load_config(tree=tree(trained, bare, tmp_path / "run", learning_rate=1e-3)))
    assert report.metrics == {"source": {}, "target": {}}
    (warning,) = report.warnings
    assert warning.startswith("Adaptation without a source changed the class of ")
    assert f"what `nlp-transfer predict` gives for {trained}." in warning
    assert warning[:60] in (tmp_path / "run" / "report.md").read_text()
    ours, theirs = (folder / "model" / "model.safetensors" for folder in (tmp_path / "run", adapted[0]))
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_defaults_of_such_a_run(trained, target, tmp_path):
    made = tree(trained, target, tmp_path / "run")
    made["training"] = {"output_dir": str(tmp_path / "run")}
    experiment = load_config(tree=made)
    arguments = experiment.sized(40).training
    assert (arguments.learning_rate, arguments.num_train_epochs, arguments.per_device_train_batch_size) == (2e-5, 3, 32)
    assert experiment.methods[0].head_learning_rate is None
    assert experiment.record()["source"] is None
    assert load_config(tree=experiment.record()).record() == experiment.record()


def test_it_resumes_and_runs_on_two_processes(adapted, trained, target, tmp_path, capsys):
    folder, report = adapted
    assert run(load_config(tree=tree(trained, target, folder, learning_rate=1e-3)), resume=True) == report
    made = tree(trained, target, tmp_path / "two", num_train_epochs=1, per_device_train_batch_size=4)
    train_on_two_processes(made, tmp_path)
    one = tree(trained, target, tmp_path / "one", num_train_epochs=1, per_device_train_batch_size=8)
    run(load_config(tree=one))
    two, alone = (Report.read(tmp_path / name).baselines["before training"] for name in ("two", "one"))
    assert two["target"]["test"]["macro_f1"] == alone["target"]["test"]["macro_f1"]


def test_dry_run_and_estimate_know_it(trained, target, tmp_path, capsys):
    experiment = load_config(tree=tree(trained, target, tmp_path / "run"))
    text = dry_run(experiment)
    assert "The first 10 encoded training examples:" in text
    assert "40 target rows (all of its one file) are seen in training, without labels." in text
    assert estimate(experiment).rows == 40


def test_the_adapted_model_is_used_as_any_other(adapted, target, tmp_path, capsys):
    folder, _ = adapted
    assert main(["evaluate", str(folder), "--corpus.path", str(target)]) in (0, None)
    assert "40 rows" in capsys.readouterr().out
    assert main(["export", str(folder), "--output", str(tmp_path / "onnx")]) in (0, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"source": {"path": "CORPUS"}},
            r"source_free adapts a trained model by target text alone, and there is a source",
        ),
        ({"target": None}, r"source_free needs text of a target domain, and there is none"),
        ({"methods": ["full_fine_tuning"]}, r"source is missing: the domain that is learned from"),
        ({"methods": ["full_fine_tuning", "source_free", "coral"]}, r"source_free reads no source text, which coral"),
        ({"model": "ENCODER"}, r"has no trained head for these classes, and there is no source to train one on"),
        ({"prior_correction": True}, r"prior_correction needs labelled source rows, and source_free has none\. Leave"),
        ({"baselines": ["tfidf_svm"]}, r"baselines needs labelled source rows, and source_free has none"),
        (
            {"methods": ["lp_ft", "source_free"]},
            r"lp_ft fits a head to labelled source rows, and source_free reads none",
        ),
        (
            {"task": {"max_length": 32, "decision": {"abstain": {"precision": 0.9}}}},
            r"needs labelled source rows, and there are none\. Leave it out\.",
        ),
        ({"task": {"max_length": 24}}, r"task\.max_length is 24, and the model was trained with 32\. Set it so\."),
        (
            {"task": {"max_length": 32, "long_documents": "windows", "window_overlap": 4}},
            r"task\.long_documents is 'windows', and the model was trained with its default\. Set it so",
        ),
        ({"search": {"methods.source_free.weight": [0.5, 1.0]}}, r"search needs labelled source rows"),
    ],
    ids=[
        "source",
        "target",
        "methods",
        "coral",
        "model",
        "prior",
        "baseline",
        "lp_ft",
        "decision",
        "length",
        "windows",
        "search",
    ],
)
def test_wrong_use(trained, target, encoder, corpus, tmp_path, change, message):
    change = json.loads(json.dumps(change).replace("CORPUS", str(corpus)).replace("ENCODER", str(encoder)))
    with pytest.raises(ConfigError, match=message):
        run(load_config(tree={**tree(trained, target, tmp_path / "run"), **change}))
    assert not (tmp_path / "run").exists()


def test_a_target_with_lists_of_labels_is_refused(trained, tmp_path):
    many = tmp_path / "many.jsonl"
    many.write_text("\n".join(json.dumps(row) for row in rows(12, multi_label=True, seed=9)))
    with pytest.raises(
        DataError, match=r"has lists of labels \(column labels\), and the model gives each text one class"
    ):
        run(load_config(tree=tree(trained, many, tmp_path / "run")))


def test_commands_that_read_a_source_need_one(trained, target, tmp_path):
    experiment = load_config(tree=tree(trained, target, tmp_path / "run"))
    with pytest.raises(ConfigError, match=r"diagnose reads the source, and there is none\. Name it with source"):
        diagnose(experiment)
    with pytest.raises(ConfigError, match=r"recommend compares plans on the source, and there is none\. Name it"):
        recommend(experiment, output=str(tmp_path / "plans"))
    system = {"adapted": {"methods": ["full_fine_tuning", "source_free"]}}
    sweep = {"output_dir": str(tmp_path / "sweep"), "systems": system, "seeds": [0]}
    base = {key: value for key, value in tree(trained, target, "").items() if key not in ("methods", "target")}
    del base["training"]["output_dir"]
    sweep |= {"base": base, "corpora": {"target": {"target": {"path": str(target)}}}}
    (tmp_path / "sweep.yaml").write_text(to_yaml(sweep))
    with pytest.raises(ConfigError, match=r"There is no source, and there are no rows to score\. Set scored: target"):
        read_sweep(tmp_path / "sweep.yaml")
    (tmp_path / "sweep.yaml").write_text(to_yaml({**sweep, "scored": "target"}))
    assert {result.system for result in run_sweep(read_sweep(tmp_path / "sweep.yaml"))} == {
        "adapted",
        "before training",
    }


def test_a_model_of_several_labels_is_refused(encoder, target, tmp_path):
    corpus = write_corpus(tmp_path / "many", multi_label=True)
    run(load_config(tree=run_tree(encoder, corpus, tmp_path / "many_run", num_train_epochs=1)))
    with pytest.raises(ConfigError, match="gives a text several labels, and adaptation without a source is for one"):
        run(load_config(tree=tree(tmp_path / "many_run" / "model", target, tmp_path / "run")))
