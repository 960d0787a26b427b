"""Train a trainer of its own for a recipe: a candidate of a search, or the source-only baseline.

`model_init` gives each trainer the same initial weights, as in `Trainer.hyperparameter_search`. A folder keeps a record
of its recipe (`RECIPE`): resuming with different arguments, data or initial weights raises `CheckpointError`.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import torch
from datasets import Dataset

from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.methods.base import Method
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.extensions.checkpoint_selection import label_free_metric
from nlp_transfer.training.method_setup import MethodsLike, as_methods
from nlp_transfer.training.neutral_settings import is_result_neutral
from nlp_transfer.training.source_weights import DISTANCE, SIZE
from nlp_transfer.training.trainer import TransferTrainer

MakeTrainer = Callable[..., TransferTrainer]
"""Makes a trainer from the keyword arguments `args`, `methods` and `target_dataset`."""

RECIPE = "recipe.json"
"""The file in a trainer's output folder that records its recipe."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Hold the `TransferArguments`, methods and target rows of a trainer, which a search or a baseline changes."""

    args: TransferArguments
    methods: tuple[Method, ...]
    target_dataset: Dataset | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.args, TransferArguments):
            raise ConfigError(f"args are {type(self.args).__name__}; expected TransferArguments.")

    @classmethod
    def of(cls, args: TransferArguments, methods: MethodsLike, target: Dataset | None) -> "Recipe":
        """Return the recipe of a trainer's keyword arguments."""
        return cls(args, as_methods(methods), target)

    def make(self, make_trainer: MakeTrainer) -> TransferTrainer:
        """Make the trainer; raise ConfigError where it has no `model_init`, or is not of this recipe."""
        trainer = make_trainer(args=self.args, methods=self.methods, target_dataset=self.target_dataset)
        if trainer.model_init is None:
            raise ConfigError("make_trainer made a trainer without model_init=lambda: …, which makes its model.")
        if trainer.args.output_dir != self.args.output_dir or trainer.methods != self.methods:
            raise ConfigError("make_trainer made a trainer with other args or methods than it was given; pass them on.")
        return trainer

    def train(self, make_trainer: MakeTrainer, *, resume: bool) -> TransferTrainer:
        """Make the trainer and train it, from its newest checkpoint on if there is one; raise CheckpointError."""
        trainer, folder = self.make(make_trainer), Path(str(self.args.output_dir))
        newest, torn = trainer.resume.newest_checkpoint()
        if (newest or torn) and not resume:
            raise CheckpointError(
                f"{folder} holds checkpoints of an earlier training. Go on from them with resume=True, or begin anew "
                "with another output_dir."
            )
        _check_record(_record(trainer, self), folder, resumes=newest is not None, writes=trainer.args.should_save)
        trainer.train(resume_from_checkpoint=newest is not None)
        return trainer


def train_source_only(
    make_trainer: MakeTrainer,
    *,
    args: TransferArguments,
    methods: MethodsLike,
    target_dataset: Dataset | None = None,
    resume: bool = False,
) -> TransferTrainer:
    """Train the source-only baseline of a recipe, in `source_only/` of its output folder; return the trained trainer.

    What does not see the target stays: other methods, arguments, initial weights and seeds. Source weights by distance
    become weights by size. A label-free `metric_for_best_model` selects the baseline's checkpoint, too.

    Args:
        make_trainer: makes a trainer from `args`, `methods` and `target_dataset`, those of the recipe.
        resume: continue an interrupted training.

    Raises:
        ConfigError: no method uses the target, or the trainer cannot be made.
        CheckpointError: the folder holds checkpoints, and `resume` is false or they are of another recipe.

    Example:
        >>> recipe = {"args": arguments, "methods": [DANN()], "target_dataset": target_rows}
        >>> train_source_only(make_trainer, **recipe).state.global_step
        16
    """
    recipe = Recipe.of(args, methods, target_dataset)
    if not any(method.needs.target_text for method in recipe.methods):
        raise ConfigError("No method uses the target: the trainer is a source-only one itself.")
    target = recipe.target_dataset if label_free_metric(args) else None
    return dataclasses.replace(
        recipe,
        args=source_only_arguments(args, Path(str(args.output_dir)) / SOURCE_ONLY),
        methods=source_only_methods(recipe.methods),
        target_dataset=None if target is None else without_labels(target),
    ).train(make_trainer, resume=resume)


def source_only_methods(methods: Sequence[Method]) -> tuple[Method, ...]:
    """Return the methods that work without a target domain."""
    return tuple(method for method in methods if not method.needs.target_text)


def source_only_arguments(args: TransferArguments, folder: Path, **changes: Any) -> TransferArguments:
    """Return the arguments of a baseline in `folder`, which needs no target domain, with `changes`."""
    if getattr(args, "source_weights", SIZE) == DISTANCE:
        changes["source_weights"] = SIZE
    return args.with_output_dir(str(folder), **changes)


def _check_record(record: dict[str, Any], folder: Path, *, resumes: bool, writes: bool) -> None:
    """Compare a recipe with that of the checkpoints in its folder; write it where there are none."""
    record, file = json.loads(json.dumps(record, default=str)), folder / RECIPE
    if not resumes:
        if writes:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(record, indent=1), encoding="utf-8")
        return
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{file}, the record of what made the checkpoints, cannot be read ({error}). Choose another output_dir."
        ) from error
    pairs = {name: (there.get(name), record.get(name)) for name in {**there, **record}}
    if different := [f"{name}: {then} -> {now}" for name, (then, now) in pairs.items() if then != now]:
        raise CheckpointError(
            f"{folder} holds checkpoints of another training. Choose another output_dir, or give what it was trained "
            f"with (there -> now): {'; '.join(different)}."
        )


def _record(trainer: TransferTrainer, recipe: Recipe) -> dict[str, Any]:
    """Return what decides how a training ends, by name; functions that were given are left out."""
    arguments = {
        f"training.{field.name}": getattr(trainer.args, field.name)
        for field in dataclasses.fields(trainer.args)
        if field.init and not field.name.endswith("token") and not is_result_neutral(f"training.{field.name}")
    }
    weights, model = hashlib.sha256(), trainer.model
    assert model is not None, "made by model_init"
    for name, tensor in model.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return {
        **arguments,
        "optimizer_cls_and_kwargs": trainer.optimizer_cls_and_kwargs,
        "methods": [{"name": method.name, **dataclasses.asdict(method)} for method in recipe.methods],
        "train_dataset": _digest(trainer.train_dataset),
        "eval_dataset": _digest(trainer.eval_dataset),
        "target_dataset": _digest(recipe.target_dataset),
        "first weights": weights.hexdigest(),
        "processes": trainer.args.world_size,
    }


def _digest(dataset: Any) -> Any:
    """Return a dataset's number of rows and SHA-256; of another library's dataset the type's name only."""
    if isinstance(dataset, dict):
        return {name: _digest(part) for name, part in dataset.items()}
    if dataset is None or not hasattr(dataset, "select_columns"):
        return type(dataset).__name__
    digest = hashlib.sha256()
    for batch in dataset.with_format("arrow").iter(10_000):
        table, stream = batch.replace_schema_metadata(None).combine_chunks(), pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
        digest.update(stream.getvalue())
    return f"{len(dataset)} rows, {digest.hexdigest()}"
