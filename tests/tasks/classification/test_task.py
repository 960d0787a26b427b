"""The classification task: what it reads from a corpus, its loss, its decisions, its refusals."""

import numpy as np
import pandas as pd
import pytest
import torch

from nlp_transfer import corpus_from
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.tasks import OrdinalClassification, SequenceClassification
from nlp_transfer.tasks.classification.decision_settings import DecisionSettings, PredictionSets
from tests.tiny_runs import rows


def corpus(multi_label=False):
    return corpus_from(
        {
            "train": pd.DataFrame(rows(24, multi_label=multi_label)),
            "validation": pd.DataFrame(rows(9, multi_label=multi_label, seed=1)),
            "test": pd.DataFrame(rows(9, multi_label=multi_label, seed=2)),
        }
    )


def test_binding_reads_labels_and_kind_from_the_corpus():
    task = SequenceClassification().fit(corpus())
    assert (task.label_names, task.multi_label) == (["copyleft", "permissive", "public"], False)
    assert SequenceClassification().fit(corpus(multi_label=True)).multi_label


def test_given_class_weights_follow_the_labels_order_and_default_to_one():
    task = SequenceClassification(class_weights={"public": 4.0}).fit(corpus())
    logits = torch.zeros(3, 3)
    found = task.row_losses(logits, torch.tensor([0, 1, 2])) / np.log(3)
    assert found.tolist() == pytest.approx([1.0, 1.0, 4.0])


def test_balanced_weights_of_equal_classes_change_nothing():
    task = SequenceClassification(class_weights="balanced").fit(corpus())
    assert task.row_losses(torch.zeros(1, 3), torch.tensor([1])).item() == pytest.approx(np.log(3))


def test_an_unknown_class_in_the_weights_is_named():
    with pytest.raises(ConfigError, match=r"task\.class_weights: Unknown class 'publik'\. Did you mean 'public'\?"):
        SequenceClassification(class_weights={"publik": 2.0}).fit(corpus())


def test_wrong_values_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        SequenceClassification(max_length=1, class_weights="even", focal_gamma=-1, label_smoothing=1.0)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "task.max_length",
        "task.class_weights",
        "task.focal_gamma",
        "task.label_smoothing",
    ]


def test_a_corpus_without_labels_is_refused():
    unlabelled = corpus_from(pd.DataFrame({"text": ["one text", "another"]}))
    with pytest.raises(DataError, match=r"has no labels.*source\.columns"):
        SequenceClassification().fit(unlabelled)


def test_multi_label_thresholds_are_tuned_on_the_given_rows_and_used():
    task = SequenceClassification().fit(corpus(multi_label=True))
    probabilities = np.array([[0.3, 0.9, 0.2], [0.1, 0.8, 0.4], [0.35, 0.7, 0.1]])
    logits = np.log(probabilities / (1 - probabilities))
    labels = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    task.fit_decision(logits, labels)
    assert task.decision.thresholds[0] == pytest.approx(0.2, abs=0.1)  # between 0.1 and 0.3
    assert task.decision.thresholds[1] == pytest.approx(0.85, abs=0.05)  # between 0.8 and 0.9
    assert task.decision.thresholds[2] == 0.5  # no positive row
    assert task.predictions(logits).tolist() == labels.tolist()
    assert list(task.threshold_by_label()) == ["copyleft", "permissive", "public"]


def test_tuning_can_be_switched_off_and_single_label_has_no_thresholds():
    task = SequenceClassification(tune_thresholds=False).fit(corpus(multi_label=True))
    task.fit_decision(np.full((2, 3), -1.0), np.ones((2, 3)))
    assert task.decision.thresholds.tolist() == [0.5, 0.5, 0.5]
    assert SequenceClassification().fit(corpus()).threshold_by_label() == {}


def test_probabilities_are_softmax_or_sigmoid():
    logits = np.log(np.array([[1.0, 1.0, 2.0]]))
    assert SequenceClassification().fit(corpus()).probabilities(logits)[0].tolist() == pytest.approx([0.25, 0.25, 0.5])
    multi = SequenceClassification().fit(corpus(multi_label=True))
    assert multi.probabilities(logits)[0].tolist() == pytest.approx([0.5, 0.5, 2 / 3])


def test_the_metrics_loss_is_the_tasks_own_loss():
    task = SequenceClassification(class_weights={"public": 4.0}).fit(corpus())
    metrics = task.score(np.zeros((2, 3), dtype=np.float32), np.array([0, 2]))
    assert metrics["loss"] == pytest.approx(np.log(3) * 2.5)
    assert "macro_f1_low" not in metrics
    assert "macro_f1_low" in task.score(np.zeros((2, 3), dtype=np.float32), np.array([0, 2]), interval=True)


def test_only_what_each_evaluation_has_may_choose_a_checkpoint():
    names = set(SequenceClassification.metric_names())
    assert {"macro_f1", "nll", "ece", "brier", "aurc"} <= names
    assert not {"cost", "plain_cost", "accepted_precision", "coverage"} & names


def test_promises_are_fitted_at_the_temperature_of_the_model():
    rng = np.random.default_rng(0)

    def draw(count):
        labels = rng.integers(3, size=count)
        logits = rng.normal(size=(count, 3)) + 6 * np.eye(3)[labels]  # hardly an error: the prior bounds the scale
        return logits, labels

    held, truth = draw(60)
    sets = DecisionSettings(sets=PredictionSets(coverage=0.8))
    covered = []
    for _ in range(20):
        logits, labels = draw(60)
        task = SequenceClassification(decision=sets).fit(corpus())
        scaling = task.calibrate(logits, labels)
        task.fit_decision(scaling.apply(logits), labels, raw=logits)
        probabilities = task.probabilities(scaling.apply(held))
        covered.append((probabilities >= task.decision.set_levels)[np.arange(60), truth].mean())
    assert np.mean(covered) >= 0.78


def test_a_model_that_is_not_calibrated_is_fitted_as_it_is():
    logits, labels = np.eye(3)[[0, 1, 2] * 20] * 0.5, np.array([0, 1, 2] * 20)
    task = SequenceClassification(decision=DecisionSettings(sets=PredictionSets(coverage=0.8))).fit(corpus())
    task.fit_decision(logits, labels)
    expected = np.exp(0.5) / (np.exp(0.5) + 2)
    assert task.decision.set_levels.tolist() == pytest.approx([expected] * 3)


def test_runs_are_compared_by_the_classes_of_their_lines():
    chances = dict.fromkeys("abc", 1 / 3)
    lines = [{"label": name, "predicted": name, "probabilities": chances} for name in "abc"]
    lines[2] = {**lines[2], "predicted": "b"}
    plain = SequenceClassification.row_scores([lines, lines])
    assert plain.observed().tolist() == pytest.approx([(1 + 2 / 3 + 0) / 3] * 2)
    ordered = OrdinalClassification.row_scores([lines])
    assert ordered.observed().tolist() == pytest.approx([1 - 1 / (5 + 2 - 2 * 3 * 2 / 3)])
    several = [{"label": ["a"], "predicted": ["a", "b"], "probabilities": chances}]
    assert SequenceClassification.row_scores([several]).observed().tolist() == pytest.approx([1 / 3])
