"""A stock `transformers.Trainer` run of the same recipe, to compare with: same model, rows, epochs, rates and seed.

Written by the book: dynamic padding, the loss of the model's own head, and none of this package's arguments. Its faults
are left in.
"""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from nlp_transfer.training.arguments import TransferArguments

STOCK_DEFAULTS = {"train_sampling_strategy", "bf16", "fp16", "logging_nan_inf_filter"}
STOCK_COLUMNS = ["input_ids", "attention_mask", "labels"]


def stock_values(arguments: TransferArguments, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the arguments of a recipe that stock has too, all or those in `names`, but for the Hub's."""
    taken = {f.name for f in dataclasses.fields(TrainingArguments) if f.init} - STOCK_DEFAULTS
    taken = taken if names is None else taken.intersection(names)
    return {name: getattr(arguments, name) for name in taken if "hub" not in name}  # stock would publish all it has


def load_stock_model(folder: str | Path, num_labels: int, *, multi_label: bool, seed: int) -> PreTrainedModel:
    """Load a float32 classifier with a new head, drawn by `seed`."""
    set_seed(seed)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder,
        num_labels=num_labels,
        problem_type="multi_label_classification" if multi_label else "single_label_classification",
        dtype=torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
    )
    return model


def stock_trainer(
    model: torch.nn.Module,
    arguments: TrainingArguments,
    rows: dict[str, Dataset],
    tokenizer: PreTrainedTokenizerBase,
    *,
    compute_metrics: Callable[..., dict[str, float]] | None = None,
    trainer_class: type[Trainer] = Trainer,
) -> Trainer:
    """Return a `transformers.Trainer` on encoded rows."""
    return trainer_class(
        model,
        arguments,
        train_dataset=rows["train"].select_columns(STOCK_COLUMNS),
        eval_dataset=rows["validation"].select_columns(STOCK_COLUMNS),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
