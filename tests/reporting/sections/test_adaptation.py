"""The section that compares an adapted model with a source-only one."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import softmax

from nlp_transfer.metrics.negative_transfer import NegativeTransferTest, compare
from nlp_transfer.reporting.predictions import write_predictions
from nlp_transfer.reporting.sections.adaptation import adaptation, comparison_facts, source_only_scores, target_labels
from nlp_transfer.tasks import ExtractiveSummarization, OrdinalClassification, Regression, SequenceClassification
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Table, facts_section

SURE = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
UNSURE = np.array([[0.5, 0.5], [0.52, 0.48], [0.5, 0.5], [0.48, 0.52]])


def test_without_labels_the_surer_model_is_preferred_with_a_caveat() -> None:
    facts = comparison_facts(compare(SURE, UNSURE, multi_label=False))
    assert facts["preferred without labels"] == (
        "the model that adapted, which proves little: adapting makes a model surer"
    )
    for scores in ((0.0002, 0.0001), (0.0001, 0.004)):
        found = comparison_facts(NegativeTransferTest({"target_infomax": scores}))
        assert found["preferred without labels"] == "neither"


def test_a_third_model_is_asked() -> None:
    facts = comparison_facts(compare(SURE, UNSURE, multi_label=False, third=np.array([0, 1, 0, 1])))
    assert facts["a third model (tfidf_svm)"] == (
        "agrees with the model that adapted on 1 and with the source-only one on 0 of the 1 predictions in which they "
        "differ"
    )
    assert facts["preferred without labels"] == (
        "the model that adapted, if classes are as frequent in the target as in the source"
    )


def test_a_run_asks_its_svm_about_all_texts_and_takes_the_labels_of_the_test_split(tmp_path) -> None:
    """The adapted model predicts 0 everywhere; the source-only one predicts 1, as the SVM does on three of four rows."""
    names = ("no", "yes")

    def rows():
        for number in range(2):
            for split in ("train", "test"):
                chances = {"no": 0.1, "yes": 0.9}
                yield {"id": number, "split": split, "domain": "target", "predicted": "yes", "probabilities": chances}

    (tmp_path / "source_only").mkdir()
    keys = ("id", "split", "domain", "predicted", "probabilities")
    write_predictions(tmp_path / "source_only" / "predictions.jsonl.gz", rows(), keys)
    logits, labels = np.array([[2.0, 0.0]] * 2), {"train": np.array([0, 0]), "test": np.array([1, 1])}
    scored = {split: Predictions(["0", "1"], logits, labels[split], {}) for split in ("train", "test")}
    svm = {"target": {"train": np.array([1, 0]), "test": np.array([1, 1])}}
    task = SimpleNamespace(
        label_names=names,
        multi_label=False,
        probabilities=lambda given: softmax(given, axis=1),
        predictions=lambda given: given.argmax(axis=1),
        baseline_predictions={"tfidf_svm": svm},
    )
    run = SimpleNamespace(
        source_only=object(),
        scored={"target": scored},
        task=task,
        correction=SimpleNamespace(before={}),
        averaged=False,
        predictions=tmp_path / "predictions.jsonl.gz",
    )
    section = adaptation(run)
    assert section is not None
    facts = dict(next(block for block in section.blocks if isinstance(block, Table)).rows)
    assert facts["texts"] == "2 of train and 2 of test"
    assert facts["a third model (tfidf_svm)"] == (
        "agrees with the model that adapted on 1 and with the source-only one on 3 of the 4 predictions in which they "
        "differ"
    )
    assert facts["labels"] == "of test"  # of which the source-only model has all right, and of train none
    assert "macro-F1 0.000 adapted, 1.000 source-only" in facts["preferred by the labels"]


def judged(adapted_right: int, alone_right: int, *, warns: bool = True) -> dict[str, str]:
    """The facts of 100 texts of two classes, of which the models have so many right, the easiest first."""
    labels = np.arange(100) % 2
    ours, theirs = (np.where(np.arange(100) < right, labels, 1 - labels) for right in (adapted_right, alone_right))
    sides = (UNSURE, SURE) if warns else (SURE, SURE)
    return comparison_facts(compare(*sides, multi_label=False, predicted=(ours, theirs), labels=labels))


def test_labels_say_which_was_right() -> None:
    facts = judged(80, 70)
    assert facts["target_entropy"] == "0.6927 adapted, 0.3251 source-only"
    assert facts["preferred without labels"] == "source-only (a warning was given)"
    # Ten rows of 100 decide: their number in a resample has a standard deviation of 3.
    found = re.fullmatch(
        r"the model that adapted \(macro-F1 0.800 adapted, 0.700 source-only; difference \+0.100, 95 % over rows "
        r"\+(0.0\d+) to \+(0.1\d+)\)",
        facts["preferred by the labels"],
    )
    assert found is not None
    assert [float(end) for end in found.groups()] == pytest.approx([0.04, 0.16], abs=0.015)
    assert facts["the warning"] == "wrong, by the labels"
    worse = judged(70, 80)
    assert worse["preferred by the labels"].startswith("source-only (macro-F1 0.700 adapted, 0.800 source-only")
    assert worse["the warning"] == "right, by the labels"
    assert "the warning" not in judged(70, 80, warns=False)


def test_one_text_of_a_hundred_is_no_verdict() -> None:
    for adapted, alone in ((80, 79), (79, 80), (80, 80)):
        facts = judged(adapted, alone)
        assert facts["preferred by the labels"].startswith("neither for sure (macro-F1 0.")
        assert facts["the warning"] == "neither right nor wrong for sure, by the labels"


def test_which_were_learned_from_and_which_chose():
    run = SimpleNamespace(
        experiment=SimpleNamespace(training=SimpleNamespace(metric_for_best_model="target_macro_f1")),
        corpora={"target": SimpleNamespace(splits={"train": range(1200)})},
        encoded={"target": {"validation": range(6)}},
        label_methods=lambda: [SimpleNamespace(name="joint")],
    )
    facts = {
        "learned from": "those of 1,200 rows of split train were learned from, by joint; not by the baselines",
        "chose the checkpoint": "those of 6 rows of split validation",
    }
    assert target_labels(run) == facts_section("Target labels", ("use", "labels"), facts)


def source_only_run(tmp_path, task, made, theirs):
    """A run and its source-only baseline, of one split of the target."""
    (tmp_path / "source_only").mkdir()
    keys = ("id", "split", "domain", *made[0])
    for folder, rows in ((tmp_path, made), (tmp_path / "source_only", theirs)):
        lines = ({"id": number, "split": "test", "domain": "target", **row} for number, row in enumerate(rows))
        write_predictions(folder / "predictions.jsonl.gz", lines, keys)
    return SimpleNamespace(
        predictions=tmp_path / "predictions.jsonl.gz",
        source_only=SimpleNamespace(metrics={"target": {"test": {"rows": len(made)}}}),
        task=SimpleNamespace(config=task, row_keys=keys),
    )


@pytest.mark.parametrize(
    ("task", "ours", "theirs", "gain"),
    [
        (
            ExtractiveSummarization(),
            [{"summary": "red fox", "reference": "red fox"}] * 30,
            [{"summary": "red hen", "reference": "red fox"}] * 30,
            {"rouge1_gain_low": 0.5, "rouge1_gain_high": 0.5},
        ),
        (
            OrdinalClassification(),
            [{"label": name, "predicted": name, "probabilities": {"low": 0.5, "high": 0.5}} for name in ("low", "high")]
            * 30,
            [
                {"label": name, "predicted": "low", "probabilities": {"low": 0.5, "high": 0.5}}
                for name in ("low", "high")
            ]
            * 30,
            {"quadratic_kappa_gain_low": 1.0, "quadratic_kappa_gain_high": 1.0},
        ),
        (
            SequenceClassification(),
            [{"label": None, "predicted": "low", "probabilities": {"low": 0.5, "high": 0.5}}],
            [{"label": None, "predicted": "low", "probabilities": {"low": 0.5, "high": 0.5}}],
            {},
        ),
    ],
    ids=["summaries", "an order", "no labels"],
)
def test_the_source_only_run_has_the_interval_of_the_gain(tmp_path, task, ours, theirs, gain) -> None:
    scores = source_only_scores(source_only_run(tmp_path, task, ours, theirs))["target"]["test"]
    assert scores == {"rows": len(ours), **gain}


def test_numbers_of_the_source_only_run_have_the_interval_of_the_gain(tmp_path) -> None:
    truth = [{"price": 1.0, "days": 5.0}, {"price": 2.0, "days": 7.0}, {"price": 4.0, "days": 6.0}] * 10
    ours = [{"predicted": one, "reference": one} for one in truth]
    theirs = [{"predicted": {"price": 2.5, "days": 6.0}, "reference": one} for one in truth]
    scores = source_only_scores(source_only_run(tmp_path, Regression(), ours, theirs))["target"]["test"]
    assert 1.0 <= scores["r2_gain_low"] < scores["r2_gain_high"]  # against a constant, whose R² is at most 0
