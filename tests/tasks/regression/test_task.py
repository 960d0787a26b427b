"""Regression learns standardised numbers and predicts them in their units."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import r2_score
from transformers import pipeline

from nlp_transfer import CorpusConfig, corpus_from, load
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.runner import run
from nlp_transfer.tasks import Regression
from tests.tiny_numbers import number_tree, numbers, write_numbers
from tests.tiny_runs import tiny_encoder, train_on_two_processes


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def corpus(rows=None):
    frames = {"train": pd.DataFrame(rows or numbers(12)), "validation": pd.DataFrame(numbers(6, seed=1))}
    return corpus_from(frames, kind="numbers")


def test_the_loss_is_that_of_standardised_numbers():
    task = Regression().fit(corpus())
    values = np.array([row["value"] for row in numbers(12)])
    logits, labels = torch.tensor([[0.0], [1.0]]), torch.tensor([[values.mean()], [values.mean()]])
    assert task.row_losses(logits, labels).tolist() == pytest.approx([0.0, 1.0], abs=1e-5)
    scores = task.score(np.zeros((2, 1)), np.array([[values.mean()], [values.mean() + values.std()]]))
    assert scores["loss"] == pytest.approx(0.5)
    assert scores["mae"] == pytest.approx(values.std() / 2)
    task.calibrate(None, None)
    assert task.score(np.full((2, 1), 7.0), np.array([[7.0], [8.0]]))["mae"] == 0.5


def test_corpora_without_numbers_or_with_the_same_in_all_rows_are_refused():
    with pytest.raises(DataError, match=r"the source has no numbers, .* source\.columns: \{theirs: value\}\.$"):
        texts = {name: pd.DataFrame({"text": [f"{name} b", "c d"]}) for name in ("train", "validation")}
        Regression().fit(corpus_from(texts, kind="numbers"))
    close = [{"text": f"text {i}", "value": 1_700_000_000 + i} for i in range(4)]
    with pytest.raises(
        DataError, match=r"deviation of 'value' is 1\.12, and float32, .* Subtract a constant, such as 17"
    ):
        Regression().fit(corpus(close))
    same = [{"text": f"text {i}", "value": 3} for i in range(4)]
    with pytest.raises(DataError, match=r"all training rows have the same 'value'; there is nothing to learn\.$"):
        Regression().fit(corpus(same))
    with pytest.raises(ConfigError, match=r"^task\.max_length is 2; a text needs at least 3 tokens\.$"):
        Regression(max_length=2)


def test_a_run_predicts_numbers_in_their_units(encoder, tmp_path):
    tree = number_tree(encoder, write_numbers(tmp_path / "prices"), tmp_path / "run", num_train_epochs=12)
    tree["task"]["decision"] = {"intervals": {"coverage": 0.8}}
    report = run(load_config(tree=tree))
    scores, rows = report.metrics["source"]["test"], numbers(24, seed=2)
    assert scores["r2"] > 0.5
    assert set(report.baselines) == {"mean", "tfidf_ridge"}
    assert report.baselines["mean"]["source"]["test"]["r2"] < 0.01
    predicted = load(tmp_path / "run").predict([row["text"] for row in rows])
    truth, made = [row["value"] for row in rows], [one.predicted for one in predicted]
    assert r2_score(truth, made) == pytest.approx(scores["r2"], abs=1e-4)
    inside = [one.low <= value <= one.high for one, value in zip(predicted, truth, strict=True)]
    assert np.mean(inside) == pytest.approx(scores["interval_coverage"])
    assert "interval_coverage" not in report.metrics["source"]["validation"]  # the rows that fitted the intervals
    with gzip.open(tmp_path / "run" / "predictions.jsonl.gz", "rt") as lines:
        line = next(row for row in map(json.loads, lines) if row["split"] == "test")
    assert list(line) == ["id", "split", "domain", "reference", "predicted", "low", "high"]
    assert line["predicted"] == pytest.approx(made[0], rel=1e-4)
    plain = pipeline("text-classification", model=str(tmp_path / "run" / "model"), truncation=True, max_length=32)
    assert plain(rows[0]["text"])[0]["score"] == pytest.approx(made[0], rel=1e-4)
    text = (tmp_path / "run" / "report.md").read_text()
    assert "On 24 rows of source test the model's R² is" in text
    assert "### Intervals" in text
    found = evaluate_model(str(tmp_path / "run"), CorpusConfig(path=str(tmp_path / "prices" / "test.jsonl")))
    assert found.metrics["r2"] == pytest.approx(scores["r2"], abs=1e-4)


def test_several_numbers_without_a_validation_split_are_in_their_units_too(encoder, tmp_path):
    folder = write_numbers(tmp_path / "prices", several=True)
    (folder / "dev.jsonl").unlink()
    tree = number_tree(encoder, folder, tmp_path / "run", num_train_epochs=12)
    for name in ("metric_for_best_model", "load_best_model_at_end", "eval_strategy"):
        del tree["training"][name]
    columns = {"value": "value", "days": "value"}
    tree["source"] |= {"columns": columns, "split": {"validation": 0}}
    report = run(load_config(tree=tree))
    assert set(report.metrics["source"]["test"]["per_value"]) == {"value", "days"}
    one = load(tmp_path / "run").predict([{"text": numbers(1)[0]["text"]}])[0]
    assert set(one.predicted) == {"value", "days"}
    scores = report.metrics["source"]["test"]
    assert scores["per_value"]["value"]["mae"] < 1500
    text = (tmp_path / "run" / "report.md").read_text()
    assert "| number | model R² |" in text
    assert "MAE" not in next(line for line in text.splitlines() if "On 24 rows of source test" in line)
    test = str(folder / "test.jsonl")
    found = evaluate_model(str(tmp_path / "run"), CorpusConfig(path=test))  # all columns of the run are remembered
    assert found.metrics["r2"] == pytest.approx(scores["r2"], abs=1e-4)
    renamed = pd.DataFrame(numbers(24, seed=2, several=True)).rename(columns={"value": "Kosten", "days": "Tage"})
    other = {"Tage": "value.days", "Kosten": "value.value"}
    renamed.to_json(tmp_path / "other.jsonl", orient="records", lines=True)
    path = str(tmp_path / "other.jsonl")
    found = evaluate_model(str(tmp_path / "run"), CorpusConfig(path, columns=other))
    assert found.metrics["r2"] == pytest.approx(scores["r2"], abs=1e-4)
    with pytest.raises(DataError, match=r"has the numbers days, price; expected value, days, as in the source\. Name "):
        evaluate_model(str(tmp_path / "run"), CorpusConfig(path, columns={**other, "Kosten": "value.price"}))


@pytest.mark.slow
def test_two_processes_put_the_units_back_once(encoder, tmp_path):
    tree = number_tree(encoder, write_numbers(tmp_path / "prices"), tmp_path / "run", num_train_epochs=12)
    train_on_two_processes(tree, tmp_path)
    scores = json.loads((tmp_path / "run" / "metrics.json").read_text())["source"]["test"]
    predicted = load(tmp_path / "run").predict([row["text"] for row in numbers(24, seed=2)])
    made, truth = [one.predicted for one in predicted], [row["value"] for row in numbers(24, seed=2)]
    assert scores["r2"] > 0.5
    assert r2_score(truth, made) == pytest.approx(scores["r2"], abs=1e-4)


def test_training_goes_on_from_the_numbers_of_a_trained_model(encoder, tmp_path):
    tree = number_tree(encoder, write_numbers(tmp_path / "prices"), tmp_path / "run", num_train_epochs=8)
    run(load_config(tree=tree))
    task = Regression(max_length=32).fit(corpus(numbers(48)))
    model = task.build_model(ModelReference(str(tmp_path / "run" / "model"))).model
    texts = [row["text"] for row in numbers(6)]
    expected = [one.predicted for one in load(tmp_path / "run").predict(texts)]
    encoded = load(tmp_path / "run").tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        logits = model(**encoded).logits.numpy()
    np.testing.assert_allclose(task.values(logits)[:, 0], expected, rtol=1e-3)


@pytest.mark.parametrize("method", ["frozen_encoder", "lp_ft", "lora", "coral", "joint"])
def test_methods_go_with_numbers(method, encoder, tmp_path):
    tree = number_tree(encoder, write_numbers(tmp_path / "prices"), tmp_path / "run", num_train_epochs=2)
    if method in ("coral", "joint"):
        tree |= {"target": {"path": str(write_numbers(tmp_path / "target", (12, 6, 12)))}}
        tree |= {"methods": ["full_fine_tuning", method]}
    else:
        tree |= {"methods": [method]}
    if method == "joint":
        tree["training"] |= {"metric_for_best_model": "loss"}
    report = run(load_config(tree={**tree, "baselines": []}))
    assert np.isfinite(report.metrics["source"]["test"]["r2"])
    if method == "frozen_encoder":
        assert report.metrics["source"]["test"]["r2"] > 0.5


def test_methods_for_classes_are_refused(encoder, tmp_path):
    tree = number_tree(encoder, write_numbers(tmp_path / "prices"), tmp_path / "run")
    with pytest.raises(ConfigError, match=r"methods: prototypes does not go with regression\."):
        load_config(tree={**tree, "methods": ["prototypes"]})
    with pytest.raises(ConfigError, match=r"frozen_encoder\.losses is \['squared_hinge'\]; a head for numbers"):
        run(load_config(tree={**tree, "methods": [{"name": "frozen_encoder", "losses": ["squared_hinge"]}]}))


@pytest.mark.parametrize(("rows", "words"), [(1, "1 row"), (3, "3 rows")])
def test_a_validation_split_of_one_number_is_refused_before_training(rows, words):
    frames = {"train": pd.DataFrame(numbers(12)), "validation": pd.DataFrame([{"text": "a b", "value": 5}] * rows)}
    with pytest.raises(DataError, match=rf"validation has {words} and one value, so that R² is undefined\."):
        Regression().fit(corpus_from(frames, kind="numbers"))


def test_runs_are_compared_by_r2():
    ours = [{"reference": 1.0, "predicted": 1.0}, {"reference": 3.0, "predicted": 2.0}]
    theirs = [{"reference": 1.0, "predicted": 1.0}, {"reference": 3.0, "predicted": 3.0}]
    assert Regression.row_scores([ours, theirs]).observed().tolist() == pytest.approx([0.5, 1.0])
    truth, made = ({"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}), ({"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 4.0})
    several = [{"reference": a, "predicted": b} for a, b in zip(truth, made, strict=True)]
    assert Regression.row_scores([several]).observed().tolist() == pytest.approx([0.75])
