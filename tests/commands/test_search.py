"""Values that a run chooses by itself."""

import json
from pathlib import Path

import pytest
import torch

from nlp_transfer.commands import search
from nlp_transfer.commands.dry_run import dry_run
from nlp_transfer.commands.estimating import estimate
from nlp_transfer.commands.search import score_of
from nlp_transfer.config.experiment import load_config
from nlp_transfer.config.search_space import CANDIDATES
from nlp_transfer.errors import CheckpointError, ConfigError, TrainingError
from nlp_transfer.runner import run
from nlp_transfer.tasks import saved_models
from tests.tiny_runs import rows, run_tree, train_on_two_processes, write_corpus

ROOT = Path(__file__).parents[2]


def tree(encoder, corpus, output, search, **training):
    return {**run_tree(encoder, corpus, output, **training), "search": search}


def weights(folder):
    return torch.cat([p.detach().flatten() for p in saved_models.load(folder).model.parameters()])


def test_the_best_candidate_by_validation_is_the_run(encoder, corpus, tmp_path):
    said = []
    made = tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-5, 5e-3]}, num_train_epochs=6)
    report = run(load_config(tree=made), say=said.append)
    folder = tmp_path / "run"
    scores = [score_of(folder / CANDIDATES / str(i), "macro_f1", greater=True) for i in range(2)]
    assert scores[0] < scores[1]
    assert report.metrics["source"]["validation"]["macro_f1"] == pytest.approx(scores[1])
    assert report.facts["candidates"]["chosen"] == "training.learning_rate 0.005"
    assert report.facts["candidates"]["training.learning_rate 1e-05"] == f"macro_f1 {scores[0]:.4f}"
    assert f"Candidate 1 of 2, training.learning_rate 1e-05: macro_f1 {scores[0]:.4f}." in said
    assert "Chosen by macro_f1: training.learning_rate 0.005." in said
    alone = run_tree(encoder, corpus, tmp_path / "alone", learning_rate=5e-3, num_train_epochs=6)
    assert run(load_config(tree=alone)).metrics == report.metrics
    assert torch.equal(weights(tmp_path / "alone"), weights(folder))
    assert not (folder / CANDIDATES / "1" / "checkpoints").exists()  # the run went on from them
    assert "- candidates: chosen: training.learning" in (folder / "report.md").read_text()
    assert run(load_config(tree=made), resume=True) is None


def test_a_run_interrupted_between_candidates_goes_on(encoder, corpus, tmp_path, monkeypatch):
    made = load_config(
        tree=tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-5, 5e-3]}, num_train_epochs=6)
    )
    ended = []
    score = search.score_of

    def interrupted(folder, metric, *, greater):
        ended.append(folder)
        if len(ended) == 2:
            raise KeyboardInterrupt
        return score(folder, metric, greater=greater)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(search, "score_of", interrupted)
        run(made, say=lambda _: None)
    times = [(folder / "report.md").stat().st_mtime_ns for folder in ended]
    for name in ("metrics.json", "log.jsonl"):
        place = ended[0] / name
        whole = place.read_bytes()
        place.write_bytes(whole.replace(b"0.", b"1."))
        with pytest.raises(
            CheckpointError, match=rf"{name} was changed after the run had finished\. Put the files back"
        ):
            run(made, resume=True, say=lambda _: None)
        place.write_bytes(whole)
    report = run(made, resume=True, say=lambda _: None)
    assert [(folder / "report.md").stat().st_mtime_ns for folder in ended] == times  # none was run again
    assert report.facts["candidates"]["chosen"] == "training.learning_rate 0.005"


def test_the_strength_of_a_method_is_chosen_without_target_labels(encoder, corpus, tmp_path):
    models = []
    for name, label in (("right", None), ("wrong", "public")):
        lines = [{**row, "label": label or row["label"]} for row in rows(18, seed=9)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        made = tree(
            encoder,
            corpus,
            tmp_path / f"run-{name}",
            {"methods.mmd.weight": [0.0, 1.0]},
            metric_for_best_model="target_infomax",
        )
        made |= {"target": {"path": str(tmp_path / f"{name}.jsonl")}, "methods": ["full_fine_tuning", "mmd"]}
        report = run(load_config(tree=made), say=lambda _: None)
        assert set(report.facts["candidates"]) == {"chosen", "methods.mmd.weight 0.0", "methods.mmd.weight 1.0"}
        assert "source_only" in report.baselines
        models.append((tmp_path / f"run-{name}" / "model" / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def labelled_target(folder):
    """A target whose words mean other classes than the source's."""
    other = {"permissive": "copyleft", "copyleft": "public", "public": "permissive"}
    write_corpus(folder)
    for file in folder.iterdir():
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        file.write_text("".join(json.dumps({**line, "label": other[line["label"]]}) + "\n" for line in lines))
    return folder


def test_the_weight_of_the_source_is_chosen_on_the_targets_validation(encoder, corpus, tmp_path):
    made = tree(
        encoder,
        corpus,
        tmp_path / "run",
        {"methods.joint.source_weight_start": [0.9, 0.1]},
        metric_for_best_model="target_macro_f1",
        num_train_epochs=8,
    )
    made |= {"target": {"path": str(labelled_target(tmp_path / "target"))}, "methods": ["full_fine_tuning", "joint"]}
    report = run(load_config(tree=made), say=lambda _: None)
    assert report.facts["candidates"]["chosen"] == "methods.joint.source_weight_start 0.1"
    assert score_of(tmp_path / "run" / CANDIDATES / "1", "target_macro_f1", greater=True) > 0.8
    assert report.metrics["target"]["test"]["macro_f1"] > 0.8
    rows = len((tmp_path / "target" / "dev.jsonl").read_text().splitlines())
    assert report.facts["target labels that chose the checkpoint"] == f"those of {rows} rows of split validation"


def test_target_labels_choose_nothing_that_does_not_ask_for_them(encoder, corpus, tmp_path):
    made = run_tree(encoder, corpus, tmp_path / "run", metric_for_best_model="target_macro_f1")
    made |= {"target": {"path": str(labelled_target(tmp_path / "target"))}, "methods": ["full_fine_tuning", "dann"]}
    with pytest.raises(ConfigError) as error:
        load_config(tree=made)
    assert error.value.problems == [
        "training.metric_for_best_model is target_macro_f1, which reads the target's labels, and no method asks for "
        "them. Add joint, or choose by a metric of the source or by target_entropy, target_infomax, target_density, "
        "target_dev."
    ]
    made["methods"] = ["full_fine_tuning", "joint"]
    (tmp_path / "target" / "dev.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"/target\) has no validation split with labels \(splits found: train, te"):
        run(load_config(tree=made), say=lambda _: None)


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"source.path": ["a"]}, "search: source.path cannot be chosen; expected a path such as methods.dann.weight"),
        ({"training.seed": [1, 2]}, "search: training.seed cannot be chosen; expected a path"),
        ({"training.learning_rate": []}, "search.training.learning_rate is empty; expected a list of values."),
        (
            {"training.learning_rate": [1e-4, 1e-5, 1e-4]},
            "search.training.learning_rate has 0.0001 more than once; each",
        ),
        (
            {"training.learning_rate": [i * 1e-9 for i in range(1, 5001)]},
            "search.training.learning_rate has 5,000 values; expected at most 100. Each is a training of its own",
        ),
        (
            {"training.learning_rate": [i * 1e-5 for i in range(1, 41)], "training.weight_decay": [0.0, 0.1, 0.2]},
            "search has 120 combinations (40 x 3); expected at most 100. Each is a training of its own",
        ),
        ({"training.learning_rate": ["fast"]}, "search: training.learning_rate is 'fast'; expected float"),
        ({"methods.lora.r": [4, 8]}, "search: methods.lora.r: Unknown method 'lora'"),
        ({"methods.full_fine_tuning.layer_decy": [0.9]}, "search: methods.0: Unknown key 'layer_decy'"),
        ("training.seed", "search is 'training.seed'; expected"),
    ],
)
def test_what_cannot_be_chosen(encoder, corpus, tmp_path, search, message):
    with pytest.raises(ConfigError) as error:
        load_config(tree=tree(encoder, corpus, tmp_path / "run", search))
    assert message in str(error.value)


def test_there_must_be_something_to_choose_by(encoder, corpus, tmp_path):
    made = tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-3]}, load_best_model_at_end=False)
    with pytest.raises(ConfigError, match="search needs something to choose by: set "):
        load_config(tree=made)
    made = {**tree(encoder, corpus, tmp_path / "run", {"methods.frozen_encoder.layers": [[1], [2]]})}
    made["methods"] = ["frozen_encoder"]
    with pytest.raises(ConfigError, match="search: frozen_encoder trains nothing by gradient"):
        load_config(tree=made)


def test_a_candidate_without_a_score(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"loss": 1.0}\n')
    with pytest.raises(TrainingError, match=r"log.jsonl has no evaluation with macro_f1, by which candidates"):
        score_of(tmp_path, "macro_f1", greater=True)


def test_dry_run_and_estimate_know_of_the_candidates(encoder, corpus, tmp_path):
    made = load_config(tree=tree(encoder, corpus, tmp_path / "run", {"training.learning_rate": [1e-3, 1e-4, 1e-5]}))
    shown = dry_run(made)
    assert "Candidates, of which the run chooses one:\n  training.learning_rate 0.001\n" in shown
    assert not (tmp_path / "run").exists()
    found = estimate(made, say=lambda _: None)
    one = sum(value for name, value in found.seconds.items() if name != "Other candidates, 2")
    assert found.seconds["Other candidates, 2"] == pytest.approx(2 * one)


@pytest.mark.slow
def test_two_processes_choose_the_same(encoder, corpus, tmp_path):
    made = tree(
        encoder,
        corpus,
        tmp_path / "run",
        {"training.learning_rate": [1e-5, 5e-3]},
        per_device_train_batch_size=4,
        num_train_epochs=6,
    )
    done = train_on_two_processes(made, tmp_path)
    assert done.stdout.count("Chosen by macro_f1: training.learning_rate 0.005.") == 1
    assert (tmp_path / "run" / "metrics.json").exists()
