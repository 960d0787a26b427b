"""Metrics against numbers by hand and against scikit-learn; wrong inputs against their texts."""

import json
import warnings

import evaluate
import numpy as np
import pytest
from sklearn.metrics import f1_score, matthews_corrcoef, precision_recall_fscore_support

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.classification import ClassificationScores, check_rows
from nlp_transfer.metrics.table import classification_metrics

ABC = ["a", "b", "c"]


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def single(predictions, references, names=ABC, **kwargs):
    return classification_metrics(predictions, references, names, multi_label=False, **kwargs)


def multi(predictions, references, names=ABC, **kwargs):
    return classification_metrics(predictions, references, names, multi_label=True, **kwargs)


def test_single_label_by_hand():
    # a: 2 true, 1 hit, 1 predicted. b: 1 true, 1 hit, 2 predicted. c: 1 true, 1 hit, 1 predicted.
    scores = single([0, 1, 1, 2], [0, 0, 1, 2])
    assert scores["rows"] == 4
    assert scores["accuracy"] == scores["micro_f1"] == scores["micro_precision"] == scores["micro_recall"] == 0.75
    assert scores["per_class"]["a"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert scores["per_class"]["b"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1}
    assert scores["per_class"]["c"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 1}
    assert scores["macro_precision"] == pytest.approx(2.5 / 3)
    assert scores["macro_recall"] == pytest.approx(2.5 / 3)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert scores["weighted_f1"] == pytest.approx((2 * 2 / 3 + 2 / 3 + 1) / 4)
    assert scores["confusion_matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]  # rows true, columns predicted
    # Gorodkin: (c s - sum p t) / sqrt((s^2 - sum p^2)(s^2 - sum t^2)), c = 3, s = 4, p = (1, 2, 1), t = (2, 1, 1)
    assert scores["matthews"] == pytest.approx((3 * 4 - 5) / np.sqrt((16 - 6) * (16 - 6)))
    assert "exact_match" not in scores


def test_multi_label_by_hand():
    references = [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]]
    predictions = [[1, 0, 0], [1, 0, 0], [0, 0, 0], [1, 1, 0]]
    scores = multi(predictions, references)
    assert scores["exact_match"] == scores["accuracy"] == 0.5
    assert scores["hamming_loss"] == pytest.approx(2 / 12)
    assert scores["per_class"]["a"] == {"precision": pytest.approx(2 / 3), "recall": 1.0, "f1": 0.8, "support": 2}
    assert scores["per_class"]["b"] == {"precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}
    assert scores["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert scores["macro_f1"] == pytest.approx((0.8 + 2 / 3 + 0) / 3)  # the absent column counts
    assert scores["micro_f1"] == pytest.approx(2 * 3 / (4 + 4))
    assert scores["weighted_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    # "None" is true and predicted in row 2 only: F1 1.
    assert scores["macro_f1_with_none"] == pytest.approx((0.8 + 2 / 3 + 0 + 1) / 4)
    assert scores["micro_f1_with_none"] == pytest.approx(2 * 4 / (5 + 5))
    assert scores["confusion_matrix"] == [[[1, 1], [0, 2]], [[2, 0], [1, 1]], [[4, 0], [0, 0]]]
    assert "matthews" not in scores


def test_absent_class_is_null_and_no_part_of_the_means():
    scores = single([0, 1, 1], [0, 0, 1])
    assert scores["per_class"]["c"] == {"precision": None, "recall": None, "f1": None, "support": 0}
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert scores["confusion_matrix"] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_class_that_is_never_predicted_and_class_without_support_score_zero():
    scores = single([0, 2], [0, 1])
    assert scores["per_class"]["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert scores["per_class"]["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert scores["macro_f1"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_single_label_equals_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    references = rng.integers(classes, size=200)
    predictions = np.where(rng.random(200) < 0.6, references, rng.integers(classes, size=200))
    scores = single(predictions, references, [str(i) for i in range(classes)])
    for average in ("macro", "micro", "weighted"):
        expected = precision_recall_fscore_support(references, predictions, average=average)[:3]
        assert [scores[f"{average}_{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(expected)
    assert scores["matthews"] == pytest.approx(matthews_corrcoef(references, predictions))
    assert [c["support"] for c in scores["per_class"].values()] == np.bincount(references, minlength=classes).tolist()


def test_multi_label_equals_scikit_learn():
    rng = np.random.default_rng(1)
    references, predictions = rng.integers(0, 2, size=(2, 150, 5))
    scores = multi(predictions, references, list("abcde"))
    for average in ("macro", "micro", "weighted"):
        assert scores[f"{average}_f1"] == pytest.approx(f1_score(references, predictions, average=average))
    assert [c["f1"] for c in scores["per_class"].values()] == pytest.approx(
        f1_score(references, predictions, average=None)
    )


def test_multi_label_with_one_label_does_not_average_over_no():
    scores = multi([[1], [1], [0], [0]], [[1], [0], [1], [0]], ["only"])
    assert scores["macro_f1"] == scores["micro_f1"] == scores["weighted_f1"] == 0.5
    assert scores["per_class"]["only"]["support"] == 2
    assert scores["confusion_matrix"] == [[[1, 1], [1, 1]]]


def test_edges_without_warnings():
    assert single([1], [1])["matthews"] == 0.0
    assert single([0], [0], ["only"])["confusion_matrix"] == [[1]]
    nothing = multi(np.zeros((2, 3)), np.zeros((2, 3)))
    assert nothing["accuracy"] == 1.0
    assert nothing["macro_f1"] == nothing["weighted_f1"] == 0.0
    assert multi(np.array([[True, False]]), np.array([[1.0, 0.0]]), ["a", "b"])["micro_f1"] == 1.0


def test_results_are_plain_json_numbers():
    for scores in (single([0, 1], [0, 1]), multi([[0, 1, 0]], [[0, 1, 1]])):
        assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_interval_holds_the_score_and_can_be_left_out():
    rng = np.random.default_rng(0)
    references = rng.integers(3, size=300)
    predictions = np.where(rng.random(300) < 0.7, references, 0)
    scores = single(predictions, references)
    assert 0 < scores["macro_f1_low"] < scores["macro_f1"] < scores["macro_f1_high"] < 1
    assert "macro_f1_low" not in single(predictions, references, interval=False)


def test_empty_predictions():
    with pytest.raises(
        DataError, match=r"Nothing to score: got 0 predictions and 0 references\. Metrics need at least"
    ):
        single([], [])
    with pytest.raises(DataError, match="is the split empty"):
        multi(np.zeros((0, 3)), np.zeros((0, 3)))


@pytest.mark.parametrize(
    ("multi_label", "predictions", "references", "text"),
    [
        (False, [0, 1], [0], r"Got 2 predictions for 1 references; they must be as many\."),
        (False, [[0, 1]], [0], r"predictions must have shape \(rows,\); got \(1, 2\)\."),
        (True, [[0, 1]], [[0, 1, 0]], r"predictions must have shape \(rows, 3\); got \(1, 2\)\."),
        (False, [0.3, 0.0], [0, 0], r"must be whole numbers; got float64 such as .*Logits become ids by argmax"),
        (False, ["a"], [0], r"predictions must be whole numbers"),
        (False, [0, 1], [0, -100], r"references must be from 0 to 2; row 1 holds -100 \(1 such values\)\."),
        (False, [0, 3], [0, 1], r"predictions must be from 0 to 2; row 1 holds 3"),
        (True, [[0, 2, 0]], [[0, 1, 0]], r"predictions must be from 0 to 1; row 0 holds 2"),
    ],
)
def test_wrong_inputs(multi_label, predictions, references, text):
    with pytest.raises(ValueError, match=text):
        classification_metrics(predictions, references, ABC, multi_label=multi_label)


def test_label_names_must_be_unique_and_there():
    with pytest.raises(ValueError, match=r"Label names must be unique; more than once: a\."):
        single([0], [0], ["a", "a"])
    with pytest.raises(ValueError, match="needs the names of its classes; got none"):
        single([0], [0], [])


def test_checked_rows_are_int64():
    predictions, references = check_rows([0.0, 2.0], np.array([1, 2], dtype=np.uint8), 3, multi_label=False)
    assert predictions.dtype == references.dtype == np.int64
    assert predictions.tolist() == [0, 2]
    checked, _ = check_rows([[True, False]], [[0, 1]], 2, multi_label=True)
    assert checked.tolist() == [[1, 0]]


@pytest.mark.parametrize("multi_label", [False, True])
def test_is_an_evaluate_metric_that_gathers_batches_and_leaves_nothing(multi_label, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path / "cache")
    rng = np.random.default_rng(2)
    references, predictions = rng.integers(0, 2, size=(2, 20, 3)) if multi_label else rng.integers(0, 3, size=(2, 20))
    metric = ClassificationScores(ABC, multi_label=multi_label)
    assert isinstance(metric, evaluate.Metric)
    before = np.random.get_state()[1].tolist()
    whole = metric.compute(predictions=predictions, references=references)
    for start in (0, 10):
        metric.add_batch(predictions=predictions[start : start + 10], references=references[start : start + 10])
    assert metric.compute() == whole
    metric.add(prediction=predictions[0], reference=references[0])
    assert metric.compute() == metric.compute(predictions=predictions[:1], references=references[:1])
    assert np.random.get_state()[1].tolist() == before
    assert list(tmp_path.iterdir()) == []


def test_metrics_combine():
    scores = evaluate.combine([ClassificationScores(ABC, multi_label=False)]).compute(
        predictions=[0, 1, 2], references=[0, 1, 1]
    )
    assert scores["confusion_matrix"] == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert scores["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
