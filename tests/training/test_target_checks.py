"""What of a target, its methods and the training arguments does not go together."""

from types import SimpleNamespace
from typing import Any

import pytest
from datasets import Dataset

from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.methods import CORAL, DANN, MMD, FullFineTuning, LoRA, SelfTraining, TargetMLM
from nlp_transfer.training.target_checks import check_adaptation, check_target_labels, check_tokens, needs_target
from tests.tiny_models import random_rows

ROWS = random_rows(6)
TARGET = without_labels(random_rows(9, seed=9))


def arguments(**changes: Any) -> Any:
    given = {"train_batch_size": 4, "gradient_accumulation_steps": 1, "world_size": 1, "n_gpu": 1, "max_steps": -1}
    given |= {"num_train_epochs": 3.0, "metric_for_best_model": None, "source_weights": "size"}
    return SimpleNamespace(**{**given, **changes})


def test_what_needs_a_target_is_named():
    assert needs_target([FullFineTuning()], arguments()) == []
    assert needs_target([LoRA(), DANN(), CORAL()], arguments(metric_for_best_model="eval_target_infomax")) == [
        "dann",
        "coral",
        "eval_target_infomax",
    ]
    assert needs_target([], arguments(source_weights="distance")) == ["source_weights: distance"]


def test_methods_that_can_adapt_pass():
    check_adaptation([FullFineTuning(), DANN(), MMD(), SelfTraining()], arguments(), TARGET, ROWS)
    check_adaptation([FullFineTuning()], arguments(), None, None)


def test_all_that_keeps_methods_from_adapting_is_named_together(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    args = arguments(train_batch_size=1, metric_for_best_model="target_density", num_train_epochs=1.0)
    with pytest.raises(ConfigError) as caught:
        check_adaptation(
            [MMD(), SelfTraining()], args, TARGET.select([0]), ROWS, name="The target (x.csv)", others=["Another."]
        )
    assert caught.value.problems == [
        "Another.",
        "The target (x.csv) has one row, and mmd compares rows with one another. Add texts, or leave the method out "
        "(methods: [full_fine_tuning] only scores the target).",
        "mmd compares the rows of an update with one another, and an update has one row. Raise "
        "per_device_train_batch_size or gradient_accumulation_steps, or leave the method out (methods: "
        "[full_fine_tuning] only scores the target).",
        "metric_for_best_model is target_density, which compares texts with their neighbours. The target (x.csv) has "
        "fewer than 3 texts. Add texts.",
        "self_training.source_epochs is 1 and training.num_train_epochs 1, so no pseudo-label would be given. Train "
        "longer.",
        "mmd and self_training cannot be used here: fsdp shards the model over processes, and each must hold all of "
        "it. Change that, or leave the method out (methods: [full_fine_tuning] only scores the target).",
    ]


@pytest.mark.parametrize(
    ("changes", "train", "reason"),
    [
        ({"n_gpu": 2}, ROWS, "one process computes on several GPUs; start one process for each, by torchrun"),
        ({"deepspeed": {"zero": 3}}, ROWS, "deepspeed shards the model over processes"),
        ({"label_smoothing_factor": 0.1}, ROWS, "label_smoothing_factor is set"),
        ({}, ROWS.to_iterable_dataset(), "the training rows are a stream without a length"),
    ],
)
def test_arguments_that_no_method_adapts_with(changes, train, reason):
    with pytest.raises(ConfigError, match=f"^dann cannot be used here: {reason}"):
        check_adaptation([DANN()], arguments(**changes), TARGET, train)
    check_adaptation([LoRA()], arguments(**changes), TARGET, train)


def test_a_method_checks_what_the_run_gives_it():
    with pytest.raises(ConfigError, match=r"^target_mlm masks tokens and needs the tokenizer"):
        check_adaptation([TargetMLM()], arguments(), TARGET, ROWS)


def test_rows_without_a_token_are_named():
    ids = [*TARGET["input_ids"][:8], []]
    empty = TARGET.remove_columns("input_ids").add_column("input_ids", ids)
    check_tokens(TARGET, "rows")
    check_tokens(empty.select(range(8)), "rows")
    with pytest.raises(DataError, match=r"^rows, row 1: it has no tokens"):
        check_tokens(empty.select([0, 8, 1]), "rows")
    many = Dataset.from_dict({"input_ids": [[7]] * 25_000 + [[], [7]]})  # several batches
    with pytest.raises(DataError, match=r"^rows, row 25000: it has no tokens"):
        check_tokens(many, "rows")


def test_labels_must_be_those_of_the_source():
    check_target_labels(ROWS, ROWS, 3)
    with pytest.raises(DataError, match=r"^rows, row 2: its label is 2; expected a class id of the source, 0 to 1"):
        check_target_labels(ROWS, ROWS, 2, "rows")
