"""What a trainer says of its target: compared by hand, counted by hand, built in, refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from nlp_transfer import (
    Seq2SeqTransferArguments,
    Seq2SeqTransferTrainer,
    TransferArguments,
    TransferTrainer,
    estimate_label_shift,
)
from nlp_transfer.errors import ConfigError, DataError, TrainingError
from nlp_transfer.methods import DANN, Joint
from nlp_transfer.metrics.bootstrap import bootstrap_difference
from nlp_transfer.metrics.negative_transfer import compare
from nlp_transfer.training.target_evaluation import compare_on_target, correct_prior, estimate_shift, final_layer
from tests.tiny_models import collate_with_labels_or_without, random_rows, tiny_model
from tests.tiny_writers import tiny_writer

ROWS = random_rows(20, seed=4)
TEXTS = ROWS.remove_columns("labels")


def trainer(folder: Path, seed: int, *, classes: int = 3, multi_label: bool = False, **changes: Any) -> TransferTrainer:
    model = tiny_model("bert", num_labels=classes, multi_label=multi_label, seed=seed)
    model.config.problem_type = None  # as a user's own model has it
    arguments = TransferArguments(output_dir=str(folder), use_cpu=True, report_to="none", disable_tqdm=True)
    given = {"train_dataset": random_rows(4, classes, multi_label), "data_collator": collate_with_labels_or_without}
    return TransferTrainer(model, arguments, **{**given, **changes})


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
        (rows.select([]), r"^rows has no rows; expected encoded texts\.$"),
        (
            rows.remove_columns("input_ids"),
            r"^rows is a Dataset; expected a datasets\.Dataset with a length and a column input_ids\.$",
        ),
        (
            rows.remove_columns("labels").add_column("labels", [0, 1, 7, 0, 1]),
            r"^rows, row 2: its label is 7; expected a class id of the source, 0 to 2\.",
        ),
    ):
        with pytest.raises(DataError, match=problem):
            compare_on_target(sides[0], sides[1], wrong)


def test_models_of_other_classes_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="The model that adapted has 3 classes and the other 2; expected the same of"):
        compare_on_target(
            trainer(tmp_path, 0), trainer(tmp_path, 1, classes=2), random_rows(5).remove_columns("labels")
        )


def knowing(folder: Path) -> TransferTrainer:
    """A trainer whose model has most of the source's validation rows right."""
    made = trainer(folder, 0, target_dataset=TEXTS, methods=[DANN()])
    texts = random_rows(60, seed=9).remove_columns("labels")
    with torch.no_grad():  # else one class has nearly all
        final_layer(made).bias -= torch.tensor(made.predict(texts).predictions.mean(0))  # type: ignore[arg-type, union-attr]
    said = made.predict(texts).predictions.argmax(-1)  # type: ignore[arg-type, union-attr]
    labels = np.where(np.arange(60) % 6 == 0, (said + 1) % 3, said)
    made.eval_dataset = texts.add_column("labels", labels.tolist())  # type: ignore[call-arg]
    return made


def test_the_targets_classes_are_counted_by_its_texts_and_source_validation(tmp_path: Path) -> None:
    run = knowing(tmp_path)
    known, said = run.predict(run.eval_dataset), run.predict(TEXTS)  # type: ignore[arg-type]
    expected = estimate_label_shift(known.predictions, known.label_ids, said.predictions)  # type: ignore[arg-type]
    assert expected.above_chance
    several: Any = {"books": run.eval_dataset, "dvd": ROWS}
    for rows in (None, ROWS):  # whose labels are not looked at
        shift = estimate_shift(run, rows)
        assert shift.target.tolist() == expected.target.tolist()
        assert shift.interval.tolist() == expected.interval.tolist()
    run.eval_dataset = several  # the first counts
    assert estimate_shift(run).target.tolist() == expected.target.tolist()


def test_what_is_estimated_is_built_into_the_model(tmp_path: Path) -> None:
    run = knowing(tmp_path)
    before = run.predict(ROWS).predictions  # type: ignore[arg-type]
    shift = correct_prior(run)
    after = run.predict(ROWS).predictions  # type: ignore[arg-type]
    assert after == pytest.approx(before / shift.temperature + shift.corrections(), abs=1e-4)
    assert not np.allclose(before, after)
    with pytest.raises(ConfigError, match=r"^correct_prior was called before: the model predicts with estimated"):
        correct_prior(run)
    for sides in ((run, trainer(tmp_path, 1)), (trainer(tmp_path, 1, target_dataset=TEXTS, methods=[DANN()]), run)):
        with pytest.raises(
            ConfigError, match=r"^compare_on_target compares how sure the models are, and correct_prior"
        ):
            compare_on_target(sides[0], sides[1], TEXTS)
    run.train()  # another model than that which was corrected
    assert compare_on_target(run, trainer(tmp_path, 1), TEXTS).scores
    run.save_model(str(tmp_path / "saved"))
    again = type(run.model).from_pretrained(tmp_path / "saved")  # type: ignore[union-attr]
    assert torch.equal(again.classifier.bias, run.model.classifier.bias)  # type: ignore[union-attr]


def test_a_model_at_chance_or_a_class_that_would_be_lost_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = knowing(tmp_path)
    before = final_layer(run).bias.clone()
    monkeypatch.setattr(
        "nlp_transfer.training.target_evaluation.vanishing_classes", lambda logits, shift, names: f"no {names}"
    )
    with pytest.raises(
        TrainingError, match=r"^correct_prior: nothing is corrected: no \['LABEL_0', 'LABEL_1', 'LABEL_2'\]\.$"
    ):
        correct_prior(run)
    run.eval_dataset = random_rows(12, seed=3)
    with pytest.raises(
        TrainingError,
        match=r"^correct_prior: nothing is corrected: on source validation the model is no better than chance",
    ):
        correct_prior(run)
    assert torch.equal(final_layer(run).bias, before)


def test_what_joint_learned_from_tells_nothing_of_the_target(tmp_path: Path) -> None:
    run = trainer(tmp_path, 0, target_dataset=ROWS, methods=[Joint()], eval_dataset=ROWS)
    for name, call in (
        ("compare_on_target", lambda: compare_on_target(run, run)),
        ("estimate_shift", lambda: estimate_shift(run)),
        ("correct_prior", lambda: correct_prior(run)),
    ):
        with pytest.raises(
            ConfigError,
            match=rf"^joint learned from the labels of target_dataset: give {name} encoded target rows that were not",
        ):
            call()
    assert compare_on_target(run, run, random_rows(9, seed=7)).gain == 0


def test_what_cannot_be_compared_or_counted(tmp_path: Path) -> None:
    without = trainer(tmp_path, 0)
    with pytest.raises(
        ConfigError, match=r"^there is no target_dataset: give compare_on_target encoded target rows\.$"
    ):
        compare_on_target(without, without)
    for rows, found in ((None, "is missing"), (TEXTS, "has no labels"), (ROWS.select([]), "has no rows")):
        with pytest.raises(
            ConfigError, match=rf"^eval_dataset {found}: estimate_shift needs labelled validation rows of the"
        ):
            estimate_shift(trainer(tmp_path, 0, eval_dataset=rows), TEXTS)
    several = random_rows(8, multi_label=True)
    with pytest.raises(ConfigError, match=r"^correct_prior is for one label a text"):
        correct_prior(trainer(tmp_path, 0, multi_label=True, eval_dataset=several), TEXTS)
    unbiased = trainer(tmp_path, 0, eval_dataset=ROWS)
    final_layer(unbiased).bias = None
    with pytest.raises(ConfigError, match=r"^correct_prior changes the bias of the model's last layer, and this one"):
        correct_prior(unbiased, TEXTS)
    writing = Seq2SeqTransferArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    writer = Seq2SeqTransferTrainer(tiny_writer("bart"), writing)
    with pytest.raises(ConfigError, match=r"^compare_on_target is for classifiers, and this model writes\.$"):
        compare_on_target(writer, writer, TEXTS)


def test_predictions_are_the_models_whatever_metrics_are_computed_of(tmp_path: Path) -> None:
    def metrics(output: Any) -> dict[str, float]:
        return {"classes": float(output.predictions.max())}

    sides = [trainer(tmp_path, seed) for seed in (0, 1)]
    expected = compare_on_target(sides[0], sides[1], ROWS)
    shown: Any = {"preprocess_logits_for_metrics": lambda logits, _: logits.argmax(-1), "compute_metrics": metrics}
    others = [trainer(tmp_path, seed, **shown) for seed in (0, 1)]
    assert compare_on_target(others[0], others[1], ROWS) == expected
    assert others[0].compute_metrics is metrics
    others[0].args.prediction_loss_only = True
    with pytest.raises(ConfigError, match=r"^prediction_loss_only is on, and the model's predictions are needed"):
        compare_on_target(others[0], others[1], ROWS)


def test_what_looks_worse_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unsure, sure = trainer(tmp_path, 0), trainer(tmp_path, 0)
    with torch.no_grad():
        final_layer(sure).weight.mul_(9.0)
    assert not compare_on_target(sure, unsure, TEXTS).warns
    assert not caplog.messages
    assert compare_on_target(unsure, sure, TEXTS).warns
    (text,) = caplog.messages
    assert text.startswith("Adaptation looks worse than training on the source alone: target_infomax 0.")
    assert "the source-only one is that of the other trainer." in text


def test_what_is_no_trainer_and_what_are_no_rows(tmp_path: Path) -> None:
    run = trainer(tmp_path, 0)
    other: Any = run.model
    with pytest.raises(
        ConfigError, match=r"^compare_on_target was given a BertForSequenceClassification; expected a tr"
    ):
        compare_on_target(run, other, TEXTS)
    rows: Any = [1, 2]
    with pytest.raises(DataError, match=r"^rows is a list; expected a datasets\.Dataset with a length and"):
        compare_on_target(run, run, rows)
    stream: Any = TEXTS.to_iterable_dataset()
    with pytest.raises(DataError, match=r"^rows is a IterableDataset; expected a datasets\.Dataset with a length"):
        compare_on_target(run, run, stream)
    ids = [*TEXTS["input_ids"][:19], []]
    empty = TEXTS.remove_columns("input_ids").add_column("input_ids", ids)  # type: ignore[call-arg]
    with pytest.raises(
        DataError, match=r"^rows, row 19: it has no tokens \(input_ids is empty\)\. Leave such rows out"
    ):
        compare_on_target(run, run, empty)
