"""A stock `transformers.Trainer` run of the same recipe, to compare with: same model, rows, epochs, rates and seed.

What a user has who writes `Trainer` by the book: dynamic padding, the loss of the model's own head, and none of this
package's arguments. Its faults are left in.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments

from nlp_transfer.training.arguments import TransferArguments

if TYPE_CHECKING:
    from collections.abc import Callable

    from datasets import Dataset

STOCK_DEFAULTS = ("train_sampling_strategy", "bf16", "logging_nan_inf_filter")
"""Arguments that a stock run leaves as transformers has them, whatever the recipe says."""


def stock_arguments(arguments: TransferArguments) -> TrainingArguments:
    """The recipe without this package's arguments and without its speed.

    Nothing that concerns the Hub is passed on: stock `Trainer` would push its whole output folder, and write the token
    into each checkpoint.
    """
    names = {f.name for f in dataclasses.fields(TrainingArguments) if f.init} - set(STOCK_DEFAULTS)
    values: dict[str, Any] = {name: getattr(arguments, name) for name in names if "hub" not in name}
    return TrainingArguments(**values)


def stock_trainer(
    model: str,
    arguments: TransferArguments,
    source: "dict[str, Dataset]",
    label_names: list[str],
    *,
    multi_label: bool,
    tokenizer: Any,
    compute_metrics: "Callable[..., dict[str, float]]",
) -> Trainer:
    """A `transformers.Trainer` on encoded rows.

    Args:
        model: a folder.
        arguments: the recipe.
        source: encoded rows by split, `train` and `validation` among them.
        label_names: the classes.
        multi_label: whether a row may have any number of labels.
        tokenizer: pads.
        compute_metrics: as Trainer takes it.
    """
    head = AutoModelForSequenceClassification.from_pretrained(
        model,
        num_labels=len(label_names),
        problem_type="multi_label_classification" if multi_label else "single_label_classification",
        use_safetensors=True,
        trust_remote_code=False,
    )
    return Trainer(
        head,
        stock_arguments(arguments),
        train_dataset=source["train"],
        eval_dataset=source["validation"],
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
    )
