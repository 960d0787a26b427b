"""Checks before training: of the target and its labels, of weights of sources, of pairs of rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.encoding.label_columns import label_column
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.methods.base import Method
from nlp_transfer.metrics.model_selection import LABEL_FREE, TARGET_MACRO_F1
from nlp_transfer.models.families import final_linear
from nlp_transfer.models.outputs import Output
from nlp_transfer.training.source_weights import DISTANCE, DISTANCE_WEIGHTS, SIZE, Sources

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel

    from nlp_transfer.tasks import FittedTask


def needs_target(methods: Sequence[Method], training: Any) -> list[str]:
    """Return the names of what needs text of a target domain: methods, the selection metric, source weights.

    Args:
        methods: all of the run.
        training: the training arguments, or what could be read of them.
    """
    names = [method.name for method in methods if method.needs.target_text]
    metric = str(training.metric_for_best_model or "")
    if metric.removeprefix("eval_") in (*LABEL_FREE, TARGET_MACRO_F1):
        names.append(metric)
    return [*names, DISTANCE_WEIGHTS] if training.source_weights == DISTANCE else names


def check_sources(sources: Sources | None, train: "Dataset | None", args: Any) -> None:
    """Check weights of sources against the training rows.

    Args:
        sources: the domains of the rows, where they have several.
        train: the rows.
        args: the training arguments.

    Raises:
        ConfigError: there is one source, or the numbers are not as many.
    """
    weights = getattr(args, "source_weights", SIZE)
    if weights == SIZE:
        return
    if sources is None:
        raise ConfigError(
            f"training.source_weights is {weights}, and the training rows are of one source. Leave it out, or give "
            "several: source: [{path: …}, {path: …}], or a column 'domain' of train_dataset."
        )
    if args.train_sampling_strategy == "sequential":
        raise ConfigError(
            f"training.source_weights is {weights}, which draws rows at random, and train_sampling_strategy is "
            "sequential. Leave one of them out."
        )
    if weights != DISTANCE:
        sources.shares(weights, train, None)  # type: ignore[arg-type]  # several sources are a dataset


def check_target(
    methods: Sequence[Method],
    target: "Dataset | None",
    needs: str | None = None,
    *,
    train: "Dataset | None" = None,
    classes: int | None = None,
) -> None:
    """Check that a target can be used, and has no labels that must not be seen.

    Args:
        methods: all of the run.
        target: its rows.
        needs: what else needs its text, such as the score that checkpoints are chosen by.
        train: the source's rows, whose labels a labelled target's must be like.
        classes: how many there are, where that is known.

    Raises:
        ConfigError: a method needs target rows, and there are none.
        DataError: labels that are missing, or that no method asks for.
    """
    needing = [method.name for method in methods if method.needs.target_text] + ([needs] if needs else [])
    asking = [method.name for method in methods if method.needs.target_labels]
    if not needing:
        if target is not None:
            raise ConfigError(
                "target_dataset was given, and nothing uses it. Add a method that does (methods=[DANN()]), a "
                "metric_for_best_model such as target_infomax, or leave it out."
            )
        return
    _check_rows(target, needing)
    assert target is not None, "checked"
    _check_labels(target, train, needing, asking, needs)
    pairing = [method.name for method in methods if method.needs.pairs]
    if pairing and len(target) < 2:
        raise ConfigError(f"target_dataset has one row, and {' and '.join(pairing)} compares rows with one another.")
    if asking:
        check_target_labels(target, train, classes)


def _check_rows(target: "Dataset | None", needing: Sequence[str]) -> None:
    """Check that the target has encoded rows; raises ConfigError or DataError."""
    if target is not None and not hasattr(target, "__len__"):
        raise ConfigError(
            f"target_dataset is a {type(target).__name__} without a length, and {' and '.join(needing)} "
            f"draw{'s' if len(needing) == 1 else ''} its rows at random. Give a datasets.Dataset, which may be larger "
            "than memory."
        )
    if target is None or not len(target):
        found = "is missing" if target is None else "has no rows"
        raise ConfigError(
            f"target_dataset {found}: {' and '.join(needing)} need{'s' if len(needing) == 1 else ''} "
            "text of the target domain."
        )
    if not hasattr(target, "column_names") or "input_ids" not in target.column_names:
        raise ConfigError(
            f"target_dataset is a {type(target).__name__} without a column input_ids; expected a datasets.Dataset "
            "of encoded texts, as train_dataset: dataset.map(lambda row: tokenizer(row['text'], truncation=True))."
        )
    empty = row_without_tokens(target)
    if empty is not None:
        raise DataError(f"target_dataset, row {empty}: it has no tokens (input_ids is empty). Leave such rows out.")


def _check_labels(
    target: "Dataset", train: "Dataset | None", needing: Sequence[str], asking: Sequence[str], needs: str | None
) -> None:
    """Check that source rows have labels, and the target has them only where a method asks for them.

    Raises:
        ConfigError: the source's rows have no columns.
        DataError: labels that are missing, or that no method asks for.
    """
    if train is not None and not hasattr(train, "column_names"):
        raise ConfigError(
            f"train_dataset is a {type(train).__name__} without columns, and {' and '.join(needing)} "
            f"need{'s' if len(needing) == 1 else ''} a datasets.Dataset of encoded texts."
        )
    columns = getattr(train, "column_names", None)
    if columns and label_column(train) is None and needs != DISTANCE_WEIGHTS:  # type: ignore[arg-type]  # has columns
        raise DataError(
            f"train_dataset has no column 'labels' (columns found: {', '.join(columns)}), which "
            f"{' and '.join(needing)} need{'s' if len(needing) == 1 else ''} of source rows."
        )
    labelled = label_column(target) is not None
    if asking and not labelled:
        raise DataError(
            f"target_dataset has no column 'labels' (columns found: {', '.join(target.column_names)}), and "
            f"{' and '.join(asking)} learns from labelled target rows."
        )
    if labelled and not asking:
        raise DataError(
            f"target_dataset has labels, and {' and '.join(needing)} must not see them: scores on the target would "
            "not be those of a target without labels. Remove the column, or name the method joint, which learns "
            "from them."
        )


def check_pairs(methods: Sequence[Method], args: Any) -> None:
    """Check that an update has several rows where a method compares rows with one another.

    Raises:
        ConfigError: names the methods.
    """
    names = [method.name for method in methods if method.needs.pairs]
    if names and args is not None and args.train_batch_size * args.gradient_accumulation_steps * args.world_size < 2:
        raise ConfigError(
            f"{' and '.join(names)} compares the rows of an update with one another, and an update has one row. Raise "
            "per_device_train_batch_size or gradient_accumulation_steps."
        )


WRITER_OUTPUTS = frozenset({Output.POOLED, Output.ROW_LOSS, Output.HEAD, Output.GENERATION})
"""The outputs of an encoder-decoder."""


def check_correctable(task: "FittedTask", model: "PreTrainedModel") -> None:
    """Check that `prior_correction` is possible.

    Raises:
        ConfigError: texts have several labels, or the layer that makes the logits has no bias.
    """
    if task.multi_label:
        raise ConfigError("prior_correction is for one label a text, and the source has several. Leave it out.")
    if final_linear(model)[1].bias is None:
        raise ConfigError(
            "prior_correction changes the bias of the model's last layer, and this one has none. Leave it out."
        )


def check_writer(methods: Sequence[Method]) -> None:
    """Check that no method needs classes where the network generates text.

    Raises:
        ConfigError: names them.
    """
    names = [one.name for one in methods if one.needs.target_text and not one.needs.outputs <= WRITER_OUTPUTS]
    if names:
        raise ConfigError(f"{' and '.join(names)} cannot be used with a network that writes: it has no classes.")


def row_without_tokens(rows: "Dataset") -> int | None:
    """Return the first row without a token, for which no output is finite; None where there is none."""
    import pyarrow.compute

    place = 0
    for batch in rows.select_columns("input_ids").with_format("arrow").iter(10_000):
        counts = pyarrow.compute.list_value_length(batch["input_ids"]).fill_null(0).to_numpy()
        if (found := np.flatnonzero(counts == 0)).size:
            return place + int(found[0])
        place += len(counts)
    return None


def check_target_labels(
    target: "Dataset", train: "Dataset | None", classes: int | None, name: str = "target_dataset"
) -> None:
    """Check that labels are like the source's: class ids, or as many numbers for a row.

    Args:
        target: the rows.
        train: the source's rows.
        classes: how many there are, where that is known.
        name: of the rows, for messages.

    Raises:
        DataError: names the first row that is wrong.
    """
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
