"""Train the source-only baseline: the same recipe without the methods that use the target domain."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Method
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.extensions.checkpoint_selection import label_free_metric
from nlp_transfer.training.recipe import MakeTrainer, Recipe
from nlp_transfer.training.source_weights import DISTANCE, SIZE

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.training.trainer import TransferTrainer


def train_source_only(
    make_trainer: MakeTrainer,
    *,
    args: TransferArguments,
    methods: Method | Sequence[Method],
    target_dataset: "Dataset | None" = None,
    resume: bool = False,
) -> "TransferTrainer":
    """Train the source-only baseline of a recipe, in `source_only/` of its output folder.

    What does not see the target stays: other methods, arguments, initial weights and seeds. Source weights by distance
    become weights by size. A label-free `metric_for_best_model` selects the baseline's checkpoint, too.

    Args:
        make_trainer: makes a trainer from `args`, `methods` and `target_dataset`, with `model_init`.
        args: the recipe's arguments.
        methods: the recipe's methods.
        target_dataset: the recipe's encoded target rows.
        resume: continue an interrupted training.

    Returns:
        The trained trainer.

    Raises:
        ConfigError: no method uses the target, or the trainer cannot be made.
        CheckpointError: the folder holds checkpoints, and `resume` is false or they are of another recipe.
    """
    recipe = Recipe.of(args, methods, target_dataset)
    if not any(method.needs.target_text for method in recipe.methods):
        raise ConfigError("No method uses the target: the trainer is a source-only one itself.")
    target = recipe.target_dataset if label_free_metric(args) else None
    return dataclasses.replace(
        recipe,
        args=source_only_arguments(args, Path(str(args.output_dir))),
        methods=source_only_methods(recipe.methods),
        target_dataset=None if target is None else without_labels(target),
    ).train(make_trainer, resume=resume)


def source_only_methods(methods: Sequence[Method]) -> tuple[Method, ...]:
    """Return the methods that work without a target domain."""
    return tuple(method for method in methods if not method.needs.target_text)


def source_only_arguments(args: TransferArguments, folder: Path, **changes: Any) -> TransferArguments:
    """Return the arguments of the baseline, which needs no target domain.

    Args:
        args: of the run that adapts.
        folder: of the run that adapts.
        changes: values of other arguments.
    """
    if getattr(args, "source_weights", SIZE) == DISTANCE:
        changes["source_weights"] = SIZE
    return args.with_output_dir(str(folder / SOURCE_ONLY), **changes)
