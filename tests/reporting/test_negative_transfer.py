"""The alarm: who votes, what is said, and what the labels say of it."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import DataError
from nlp_transfer.metrics.intervals import bootstrap_difference
from nlp_transfer.reporting.negative_transfer import Comparison, compare, compare_on_target, read_predictions
from nlp_transfer.reporting.predictions import write_predictions
from tests.tiny_models import collate, random_rows, tiny_model

SURE = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
UNSURE = np.array([[0.5, 0.5], [0.52, 0.48], [0.5, 0.5], [0.48, 0.52]])


def test_a_model_that_became_unsure_is_warned_of() -> None:
    found = compare(UNSURE, SURE, multi_label=False)
    assert found.warns
    assert found.gain == pytest.approx(-1.0, abs=0.01)
    text = found.warning("runs/x/source_only")
    assert text.startswith(
        "Adaptation looks worse than training on the source alone: target_infomax 0.0004 against 0.36"
    )
    assert "the source-only one is runs/x/source_only/model." in text
    better = compare(SURE, UNSURE, multi_label=False)
    assert not better.warns
    assert better.facts()["preferred without labels"] == (
        "the model that adapted, which proves little: adapting makes a model surer"
    )


def test_a_model_that_calls_everything_one_class_is_warned_of_however_sure_it_is() -> None:
    collapsed = np.array([[0.99, 0.01]] * 4)
    found = compare(collapsed, SURE, multi_label=False)
    assert found.scores["target_entropy"][0] < found.scores["target_entropy"][1]
    assert found.warns
    assert not compare(SURE, collapsed, multi_label=False).warns


def test_what_is_the_same_but_for_rounding_is_no_reason_to_warn() -> None:
    for apart in (0.0, 1e-4, -1e-4):
        found = compare(SURE + np.array([[apart, -apart]]), SURE, multi_label=False)
        assert not found.warns
        assert found.facts()["preferred without labels"] == "neither"


def test_of_two_models_that_call_everything_one_class_neither_is_preferred() -> None:
    for scores in ((0.0002, 0.0001), (0.0001, 0.004)):
        found = Comparison({"target_infomax": scores})
        assert not found.warns
        assert found.facts()["preferred without labels"] == "neither"


def judged(adapted_right: int, alone_right: int, *, warns: bool = True) -> dict[str, str]:
    """The facts of 100 texts of two classes, of which the models have so many right, the easiest first."""
    labels = np.arange(100) % 2
    ours, theirs = (np.where(np.arange(100) < right, labels, 1 - labels) for right in (adapted_right, alone_right))
    sides = (UNSURE, SURE) if warns else (SURE, SURE)
    return compare(*sides, multi_label=False, predicted=(ours, theirs), labels=labels).facts()


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


def test_two_texts_have_no_neighbours_and_are_judged_without(tmp_path: Path) -> None:
    assert set(compare(SURE[:2], UNSURE[:2], multi_label=True).scores) == {"target_entropy", "target_infomax"}


def test_predictions_are_read_back_by_domain(tmp_path: Path) -> None:
    def row(number: int, domain: str, p: float) -> dict[str, object]:
        return {
            "id": str(number),
            "split": "test",
            "domain": domain,
            "predicted": "a" if p > 0.5 else "b",
            "probabilities": {"a": p, "b": 1 - p},
        }

    write_predictions(tmp_path / "p.jsonl.gz", [row(0, "source", 0.1), row(1, "target", 0.25), row(2, "target", 0.75)])
    probabilities, predicted = read_predictions(tmp_path / "p.jsonl.gz", "target", ["test"])
    assert probabilities.tolist() == [[0.25, 0.75], [0.75, 0.25]]
    assert predicted.tolist() == [1, 0]
    assert len(read_predictions(tmp_path / "p.jsonl.gz", "target", ["validation"])[0]) == 0

    several = {**row(0, "target", 0.75), "predicted": ["b"], "probabilities": {"a": 0.25, "b": 0.75, "c": 0.5}}
    write_predictions(tmp_path / "m.jsonl.gz", [several, {**several, "predicted": []}])
    assert read_predictions(tmp_path / "m.jsonl.gz", "target", ["test"])[1].tolist() == [[0, 1, 0], [0, 0, 0]]


def trainer(folder: Path, seed: int, *, classes: int = 3, multi_label: bool = False) -> TransferTrainer:
    def collated(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        batch = collate([{"labels": 0, **row} for row in rows])
        return batch if "labels" in rows[0] else {key: value for key, value in batch.items() if key != "labels"}

    model = tiny_model("bert", num_labels=classes, multi_label=multi_label, seed=seed)
    model.config.problem_type = None  # as a user's own model has it
    arguments = TransferArguments(output_dir=str(folder), use_cpu=True, report_to="none", disable_tqdm=True)
    return TransferTrainer(model, arguments, collated, train_dataset=random_rows(4, classes, multi_label))


@pytest.mark.parametrize("multi_label", [False, True])
def test_two_trainers_are_compared_by_their_probabilities_and_by_labels_for_the_facts(
    tmp_path: Path, multi_label: bool
) -> None:
    rows = random_rows(20, multi_label=multi_label, seed=4)
    adapted, alone = (trainer(tmp_path, seed, multi_label=multi_label) for seed in (0, 1))
    logits = [torch.tensor(one.predict(rows).predictions) for one in (adapted, alone)]
    probabilities = [(side.sigmoid() if multi_label else side.softmax(-1)).numpy() for side in logits]
    found = compare_on_target(adapted, alone, rows)
    scores = compare(*probabilities, multi_label=multi_label).scores
    assert found.scores.keys() == scores.keys()
    for name, pair in found.scores.items():
        assert pair == pytest.approx(scores[name])
    predicted = [(side > 0).long() if multi_label else side.argmax(-1) for side in logits]
    expected = [f1_score(np.array(rows["labels"]), side, average="macro", zero_division=0) for side in predicted]
    assert expected[0] != expected[1]
    assert found.macro_f1 == pytest.approx(expected)
    sides = (side.numpy() for side in map(torch.as_tensor, predicted))
    assert found.difference == bootstrap_difference(*sides, np.array(rows["labels"]), "macro_f1")

    unlabelled = compare_on_target(adapted, alone, rows.remove_columns("labels"))
    assert unlabelled.scores == found.scores
    assert unlabelled.macro_f1 is None


def test_rows_that_cannot_be_compared_on(tmp_path: Path) -> None:
    sides, rows = [trainer(tmp_path, seed) for seed in (0, 1)], random_rows(5)
    for wrong, problem in (
        (rows.select([]), "There is nothing to compare on: the target has no rows"),
        (rows.remove_columns("input_ids"), r"the target has no column input_ids \(columns found: "),
        (
            rows.remove_columns("labels").add_column("labels", [0, 1, 7, 0, 1]),
            r"row 2: its label is 7; expected a class id of the source, 0 to 2\.",
        ),
    ):
        with pytest.raises(DataError, match=problem):
            compare_on_target(sides[0], sides[1], wrong)


def test_models_of_other_classes_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The model that adapted has 3 classes and the other 2; expected the same of"):
        compare_on_target(
            trainer(tmp_path, 0), trainer(tmp_path, 1, classes=2), random_rows(5).remove_columns("labels")
        )
