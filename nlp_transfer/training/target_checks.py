"""Check the target and its labels, and the weights of sources, before training."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute
from datasets import Dataset
from transformers import PreTrainedModel

from nlp_transfer.data.encoding.images import PIXELS
from nlp_transfer.data.encoding.label_columns import label_column
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.base import Method, source_free
from nlp_transfer.metrics.model_selection import TARGET_MACRO_F1
from nlp_transfer.metrics.table import LABEL_FREE
from nlp_transfer.models.families import final_linear
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks import FittedTask
from nlp_transfer.training.extensions.checkpoint_selection import MIN_ROWS, label_free_metric
from nlp_transfer.training.source_weights import DISTANCE, DISTANCE_WEIGHTS, SIZE, Sources, sources_of

_LEAVE_OUT = "leave the method out (methods: [full_fine_tuning] only scores the target)"


def needs_target(methods: Sequence[Method], training: Any) -> list[str]:
    """Return the names of what needs text of a target domain: methods, the selection metric, source weights."""
    names = [method.name for method in methods if method.needs.target_text]
    metric = str(training.metric_for_best_model or "")
    if metric.removeprefix("eval_") in (*LABEL_FREE, TARGET_MACRO_F1):
        names.append(metric)
    return [*names, DISTANCE_WEIGHTS] if training.source_weights == DISTANCE else names


def check_sources(sources: Sources | None, train: Dataset | None, args: Any) -> None:
    """Check weights of sources against the training rows; raise ConfigError."""
    weights = getattr(args, "source_weights", SIZE)
    if weights == SIZE:
        return
    if sources is None:
        raise ConfigError(
            f"training.source_weights is {weights}, and the training rows are of one source. Leave it out, or give "
            "several: source: [{path: …}, {path: …}], or a column 'domain' of train_dataset."
        )
    if args.train_sampling_strategy == "sequential":
        raise ConfigError("source_weights draws rows at random, and train_sampling_strategy is sequential.")
    if weights != DISTANCE:
        sources.shares(weights, train, None)  # type: ignore[arg-type]  # several sources are a dataset


def check_adaptation(
    methods: Sequence[Method],
    args: Any,
    target: Dataset | None,
    train: Dataset | None,
    *,
    tokenizer: Any = None,
    name: str = "target_dataset",
    others: Sequence[str] = (),
) -> None:
    """Check that methods and the selection metric can use the target in a training.

    Raises:
        ConfigError: with every problem, those in `others` included; `name` is the target's in messages.
    """
    problems, metric = list(others), label_free_metric(args)
    pairing = [method.name for method in methods if method.needs.pairs]
    if pairing and target is not None and len(target) < 2:
        names = " and ".join(pairing)
        problems.append(f"{name} has one row, and {names} compares rows with one another. Add texts, or {_LEAVE_OUT}.")
    problems += pair_problems(methods, args)
    if metric == "target_density" and target is not None and len(target) < MIN_ROWS:
        neighbours = f"metric_for_best_model is {metric}, which compares texts with their neighbours."
        problems.append(f"{neighbours} {name} has fewer than {MIN_ROWS} texts. Add texts.")
    active = active_methods(methods)
    for method in active if args is not None else ():
        try:
            method.check_run(tokenizer, math.inf if args.max_steps > 0 else args.num_train_epochs)
        except ConfigError as error:
            problems += error.problems
    if active and (reason := _reason_against(args, train)):
        names = " and ".join(method.name for method in active)
        problems.append(f"{names} cannot be used here: {reason}. Change that, or {_LEAVE_OUT}.")
    if problems:
        raise ConfigError(problems)


def _reason_against(args: Any, train: Any) -> str | None:
    """Return why no method can adapt with these arguments; None where nothing is against it."""
    if args is not None and args.n_gpu > 1:
        return "one process computes on several GPUs; start one process for each, by torchrun"
    for option in ("fsdp", "deepspeed"):
        launched = os.environ.get(f"ACCELERATE_USE_{option.upper()}", "").lower() in ("1", "true")
        if launched or getattr(args, option, None):
            return f"{option} shards the model over processes, and each must hold all of it"
    if getattr(args, "label_smoothing_factor", 0):
        return "label_smoothing_factor is set, and the loss is computed a row at a time"
    if not getattr(args, "remove_unused_columns", True) and sources_of(train) is not None:
        return "remove_unused_columns is off, and the rows' source domains would not be known"
    if train is not None and not hasattr(train, "__len__"):
        return "the training rows are a stream without a length"
    return None


def pair_problems(methods: Sequence[Method], args: Any) -> list[str]:
    """Return a problem where an update has one row and methods compare rows with one another."""
    names = [method.name for method in methods if method.needs.pairs]
    if not names or args is None or args.train_batch_size * args.gradient_accumulation_steps * args.world_size >= 2:
        return []
    return [
        f"{' and '.join(names)} compares the rows of an update with one another, and an update has one row. Raise "
        f"per_device_train_batch_size or gradient_accumulation_steps, or {_LEAVE_OUT}."
    ]


def check_target(
    methods: Sequence[Method], target: Dataset | None, others: Sequence[str], train: Dataset | None, classes: int | None
) -> None:
    """Check a trainer's target rows, and that they have labels only where a method asks for them.

    Raises:
        ConfigError: a method, or one of `others`, needs target rows, and there are none.
        DataError: labels that are missing, or that no method asks for.
    """
    needing = [*(method.name for method in methods if method.needs.target_text), *others]
    asking = " and ".join(method.name for method in methods if method.needs.target_labels)
    if not needing:
        if target is not None:
            raise ConfigError("target_dataset was given, and nothing uses it. Add a method that does, or leave it out.")
        return
    names, s = " and ".join(needing), "s" if len(needing) == 1 else ""
    if target is None:
        raise ConfigError(f"target_dataset is missing: {names} need{s} text of the target domain.")
    rows = check_encoded(target, "target_dataset")
    if train is not None and not hasattr(train, "column_names"):
        raise ConfigError(f"train_dataset is a {type(train).__name__}, and {names} need{s} a datasets.Dataset.")
    columns = getattr(train, "column_names", None)
    reads_labels = needing != [DISTANCE_WEIGHTS] and source_free(methods) is None
    if columns and label_column(train) is None and reads_labels:  # type: ignore[arg-type]
        raise DataError(
            f"train_dataset has no column 'labels' (columns found: {', '.join(columns)}), which {names} need{s} of "
            "source rows."
        )
    labelled = label_column(rows) is not None
    if asking and not labelled:
        raise DataError(
            f"target_dataset has no column 'labels' (columns found: {', '.join(rows.column_names)}), and {asking} "
            "learns from labelled target rows."
        )
    if labelled and not asking:
        raise DataError(
            f"target_dataset has labels, and {names} must not see them. Remove the column, or name the method joint, "
            "which learns from them."
        )
    if asking:
        check_target_labels(rows, train, classes)


def check_encoded(rows: Any, name: str) -> Dataset:
    """Return rows that are encoded texts or images; raise DataError for others, with `name` in the message."""
    columns = getattr(rows, "column_names", ())
    if not hasattr(rows, "__len__") or not {"input_ids", PIXELS} & {*columns}:
        kind = type(rows).__name__
        raise DataError(f"{name} is a {kind}; expected a datasets.Dataset with a length and a column input_ids.")
    if not len(rows):
        raise DataError(f"{name} has no rows; expected encoded texts.")
    if PIXELS not in columns:
        check_tokens(rows, name)
    return rows  # type: ignore[no-any-return]


def check_correctable(task: FittedTask, model: PreTrainedModel) -> None:
    """Check that `prior_correction` is possible; raise ConfigError."""
    if task.multi_label:
        raise ConfigError("prior_correction is for one label a text, and the source has several. Leave it out.")
    if final_linear(model)[1].bias is None:
        raise ConfigError("prior_correction changes the last layer's bias, and this model has none. Leave it out.")


def check_token_outputs(methods: Sequence[Method]) -> None:
    """Check that no method needs classes of texts where the network generates or tags tokens; raises ConfigError."""
    outputs = {Output.POOLED, Output.ROW_LOSS, Output.HEAD, Output.GENERATION}
    names = [one.name for one in methods if one.needs.target_text and not one.needs.outputs <= outputs]
    if names:
        named = " and ".join(names)
        raise ConfigError(f"{named} cannot be used with a network that writes or tags tokens: no text has a class.")


def check_tokens(rows: Dataset, name: str) -> None:
    """Raise DataError for the first row without a token, for which no output is finite."""
    place = 0
    for batch in rows.select_columns("input_ids").with_format("arrow").iter(10_000):
        counts = pyarrow.compute.list_value_length(batch["input_ids"]).fill_null(0).to_numpy()
        if (found := np.flatnonzero(counts == 0)).size:
            row = place + int(found[0])
            raise DataError(f"{name}, row {row}: it has no tokens (input_ids is empty). Leave such rows out.")
        place += len(counts)


def check_target_labels(
    target: Dataset, train: Dataset | None, classes: int | None, name: str = "target_dataset"
) -> None:
    """Check that labels are like the source's: class ids, or as many numbers for a row; raise DataError."""
    column = label_column(target)
    assert column is not None, "checked before"
    sized = train is not None and hasattr(train, "__len__") and len(train) > 0
    learned = label_column(train) if train is not None and sized else None
    like = target[0][column] if train is None or learned is None else train[0][learned]
    several, last = isinstance(like, list), "or more" if classes is None else f"to {classes - 1}"
    # What is written, and sentences that are selected, have lists of any length.
    wide = several and train is not None and learned is not None and {len(one) for one in train[learned]} == {classes}
    for number, label in enumerate(target[column]):
        if several:
            right = isinstance(label, list) and (not wide or len(label) == classes)
            expected = f"a list of {classes} numbers" if wide else "a list of numbers"
        else:
            right = isinstance(label, int) and label >= 0 and (classes is None or label < classes)
            expected = f"a class id of the source, 0 {last}"
        if not right:
            raise DataError(f"{name}, row {number}: its label is {label!r}; expected {expected}.")
