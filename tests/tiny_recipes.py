"""Recipes of a tiny classifier and its trainers, for tests of searches and source-only baselines."""

from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods.base import Method
from tests.tiny_models import collate_with_labels_or_without, random_rows, tiny_model

TRAIN, VALIDATION = random_rows(24), random_rows(12, seed=1)
LABELLED = random_rows(20, seed=2)
TARGET = LABELLED.remove_columns("labels")


def arguments(folder: Path, **changes: Any) -> TransferArguments:
    """Arguments that evaluate and save each of two epochs, and select by `target_infomax`."""
    given = {
        "output_dir": str(folder),
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "learning_rate": 1e-2,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": "target_infomax",
    }
    return TransferArguments(**{**given, **changes})


def make_trainer(**given: Any) -> TransferTrainer:
    """Make a trainer of the tiny classifier."""
    defaults: dict[str, Any] = {
        "model_init": lambda: tiny_model("bert"),
        "train_dataset": TRAIN,
        "eval_dataset": VALIDATION,
        "data_collator": collate_with_labels_or_without,
    }
    return TransferTrainer(**{**defaults, **given})


def by_hand(folder: Path, methods: list[Method], **changes: Any) -> TransferTrainer:
    """Train one trainer with the methods."""
    given: dict[str, Any] = {"args": arguments(folder), "target_dataset": TARGET, **changes}
    made = make_trainer(methods=methods, **given)
    made.train()
    return made


def same_weights(one: Trainer, other: Trainer) -> bool:
    """Compare the weights of two trainers' models, to the bit."""
    ours, theirs = (side.model.state_dict() for side in (one, other))  # type: ignore[union-attr]
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
