"""The task of classes with an order: where the order comes from, and whole runs."""

import json

import numpy as np
import pandas as pd
import pytest

from nlp_transfer import CorpusConfig, corpus_from, load
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.runner import run
from nlp_transfer.tasks import OrdinalClassification
from nlp_transfer.tasks.classification.decision_settings import DecisionSettings
from tests.tiny_runs import rows, run_tree, tiny_encoder, write_corpus

ORDER = ["public", "permissive", "copyleft"]


def corpus():
    return corpus_from({"train": pd.DataFrame(rows(24)), "validation": pd.DataFrame(rows(6, seed=1))})


def test_classes_take_the_order_and_keep_their_rows():
    plain = corpus()
    made = OrdinalClassification(order=ORDER).prepared(plain)
    assert made.label_names == ORDER
    for split, before in plain.splits.items():
        names = [plain.label_names[label] for label in before["label"]]
        assert [ORDER[label] for label in made.splits[split]["label"]] == names
    assert made.fingerprint == plain.fingerprint


def test_numbers_have_an_order_of_their_own():
    numbers = corpus_from(pd.DataFrame({"text": [f"w{i} w{i + 1}" for i in range(40)], "label": ["10.5", "2.0"] * 20}))
    assert numbers.label_names == ["10.5", "2.0"]
    assert OrdinalClassification().prepared(numbers).label_names == ["2.0", "10.5"]
    with pytest.raises(ConfigError, match=r"task\.order is not set.* task\.order: \[copyleft, permissive, public\]\.$"):
        OrdinalClassification().prepared(corpus())


def test_an_order_of_other_classes_is_refused():
    with pytest.raises(
        ConfigError, match=r"^task\.order lacks public and has publik; the classes of .* are copyleft, "
    ):
        OrdinalClassification(order=["publik", "permissive", "copyleft"]).prepared(corpus())
    with pytest.raises(ConfigError, match=r"^task\.order repeats a class: a, a\.$"):
        OrdinalClassification(order=["a", "a"])
    with pytest.raises(ConfigError, match=r"^task\.focal_gamma has no effect on classes with an order\."):
        OrdinalClassification(focal_gamma=1.0)


@pytest.mark.parametrize("odd", ["nan", "inf", "1.0"])
def test_names_that_are_no_different_numbers_have_no_order_of_their_own(odd):
    made = corpus_from(pd.DataFrame({"text": [f"w{i} w{i + 1}" for i in range(40)], "label": ["1", odd] * 20}))
    with pytest.raises(ConfigError, match=r"are no different numbers\. Name all of them from the lowest"):
        OrdinalClassification().prepared(made)
    assert OrdinalClassification(order=[odd, 1]).prepared(made).label_names == [odd, "1"]


def test_costs_that_are_not_named_are_distances():
    task = OrdinalClassification(order=ORDER, decision=DecisionSettings(costs={"copyleft": {"public": 10}}))
    fitted = task.fit(task.prepared(corpus()))
    assert fitted.decision.costs.tolist() == [[0, 1, 2], [1, 0, 1], [10, 1, 0]]


def test_lists_of_labels_are_refused():
    several = corpus_from({"train": pd.DataFrame(rows(12, multi_label=True))})
    with pytest.raises(DataError, match=r"has lists of labels, and classes with an order take one label a text"):
        OrdinalClassification(order=ORDER).fit(OrdinalClassification(order=ORDER).prepared(several))


def test_a_perfect_model_and_one_that_is_a_class_off():
    task = OrdinalClassification(order=ORDER)
    fitted = task.fit(task.prepared(corpus()))
    truth = np.array([0, 1, 2, 1])
    assert fitted.score(np.eye(3)[truth] * 20, truth)["quadratic_kappa"] == 1.0
    off = fitted.score(np.eye(3)[[1, 1, 2, 1]] * 20, truth, interval=True)
    assert off["mae_in_classes"] == 0.25
    assert off["mae_in_classes_low"] <= 0.25 <= off["mae_in_classes_high"]


def test_a_run_reports_distances_and_its_model_keeps_the_order(tmp_path):
    tree = run_tree(tiny_encoder(tmp_path / "encoder"), write_corpus(tmp_path / "corpus"), tmp_path / "run")
    del tree["training"]["metric_for_best_model"]
    tree |= {"task": {"name": "ordinal_classification", "max_length": 32, "order": ORDER}}
    report = run(load_config(tree=tree))
    scores = report.metrics["source"]["test"]
    assert list(scores["per_class"]) == ORDER
    assert set(report.baselines) == {"majority", "median", "tfidf_svm", "tfidf_ridge"}
    assert report.baselines["median"]["source"]["test"]["quadratic_kappa"] == 0.0
    assert "quadratic_kappa_gain_low" in report.baselines["median"]["source"]["test"]
    text = (tmp_path / "run" / "report.md").read_text()
    assert "On 24 rows of source test the model's quadratic kappa is" in text
    assert "Quadratic kappa is the agreement beyond chance" in text
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert list(config["id2label"].values()) == ORDER
    given = [row["text"] for row in rows(24, seed=2)]
    predicted = [ORDER.index(one.predicted) for one in load(tmp_path / "run").predict(given)]
    truth = [ORDER.index(row["label"]) for row in rows(24, seed=2)]
    assert np.abs(np.subtract(predicted, truth)).mean() == pytest.approx(scores["mae_in_classes"])
    found = evaluate_model(str(tmp_path / "run"), CorpusConfig(path=str(tmp_path / "corpus" / "test.jsonl")))
    assert found.metrics["quadratic_kappa"] == pytest.approx(scores["quadratic_kappa"])
