"""Check before the first step that all processes have the same configuration, rows and kind of model.

DistributedDataParallel would average the gradients of another learning rate or corpus in without a word. It refuses
weights of other shapes, and gives all processes the first weights of process 0.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from accelerate import PartialState
from accelerate.utils import gather_object
from datasets import Dataset
from transformers import Trainer

from nlp_transfer.errors import ConfigError, format_value
from nlp_transfer.models.activation_cache.features import COLUMNS
from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.neutral_settings import is_result_neutral

MUST_AGREE = ("logging_", "max_skipped_updates", "on_nonfinite")
"""Beginnings of arguments that change no result, and still cannot differ: all processes log and stop together."""

COMPARED_ROWS = 4096
"""Maximum number of rows of a dataset that are compared, evenly spread."""

SHOWN_PROBLEMS = 10
"""Maximum number of differences that a message lists."""


def check_agreement(facts: Mapping[str, Any]) -> None:
    """Compare what all processes were started with; raise ConfigError on each, naming what differs and where."""
    if PartialState().num_processes == 1:
        return
    problems = different_facts(gather_object([dict(facts)]))
    if len(problems) > SHOWN_PROBLEMS:
        problems = [*problems[:SHOWN_PROBLEMS], f"… and {len(problems) - SHOWN_PROBLEMS} more differences."]
    if problems:
        problems[-1] += " Start all processes with the same configuration and files."
        raise ConfigError(problems)


def different_facts(every: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a message for each fact that differs."""
    problems = []
    for name in dict.fromkeys(name for facts in every for name in facts):
        given = [facts.get(name, "not set") for facts in every]
        values = [value if isinstance(value, str) else format_value(value) for value in given]
        if len(set(values)) > 1:
            where = [
                f"{value} on process {', '.join(str(i) for i, other in enumerate(values) if other == value)}"
                for value in dict.fromkeys(values)
            ]
            problems.append(f"{name[0].upper() if ' ' in name else name[0]}{name[1:]} is {' and '.join(where)}.")
    return problems


def check_trainers(trainer: Trainer, target: Any, **others: Any) -> None:
    """Compare what the trainers of all processes will train: arguments, rows, model; see `check_agreement`."""
    if trainer.args.world_size == 1:
        return
    model: Any = trainer.accelerator.unwrap_model(trainer.model)
    facts = {**argument_facts(trainer.args), **others, "the model's class": type(model).__name__}
    config: Any = getattr(model, "config", None)
    if hasattr(config, "to_dict"):
        facts |= {f"model.config.{name}": value for name, value in _plain(config.to_dict()).items() if name[0] != "_"}
    evaluated: Any = trainer.eval_dataset
    datasets = {"train_dataset": trainer.train_dataset, "target_dataset": target, "eval_dataset": evaluated}
    if isinstance(evaluated, dict):
        datasets |= {f"eval_dataset[{name!r}]": rows for name, rows in evaluated.items()}
    for name, rows in datasets.items():
        facts |= row_facts(name, rows)
    check_agreement(facts)


def argument_facts(arguments: Any) -> dict[str, Any]:
    """Return the training arguments that must be equal; a subclass's own fields are left out."""
    known = {
        field.name
        for field in dataclasses.fields(TransferArguments)
        if field.name.startswith(MUST_AGREE) or not is_result_neutral(f"training.{field.name}")
    }
    return {name: value for name, value in _plain(arguments.to_dict()).items() if name in known}


def row_facts(name: str, rows: Any) -> dict[str, Any]:
    """Return the length of a dataset, and a digest of its rows where reading them changes nothing."""
    if not hasattr(rows, "__len__"):
        return {}
    facts: dict[str, Any] = {f"the length of {name}": len(rows)}
    if isinstance(rows, Dataset) and len(rows):
        count = min(COMPARED_ROWS, len(rows))
        chosen = [i * (len(rows) - 1) // max(1, count - 1) for i in range(count)]
        columns = [column for column in COLUMNS if column in rows.column_names] or rows.column_names
        table = rows.select_columns(columns).with_format("arrow")[chosen]
        digest = hashlib.sha256(repr([columns, table.to_pydict()]).encode())
        facts[f"the digest of {name}"] = digest.hexdigest()[:16]
    return facts


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; what JSON cannot hold is named by its type, without the address in memory."""
    return json.loads(json.dumps(value, default=lambda other: type(other).__name__))
