"""Read the sections of an experiment: plain values, as YAML has them, or Python objects."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from nlp_transfer.config.run_defaults import left_to_rows, run_defaults, with_head_rates
from nlp_transfer.config.typed_values import PartialConfig, build, build_named, check
from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.errors import format_value
from nlp_transfer.methods import METHODS, Method
from nlp_transfer.tasks import TASKS, SequenceClassification
from nlp_transfer.training.run_arguments import run_problems


def read_model(value: Any, problems: list[str]) -> Any:
    """Return the model's name or path."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    return check(str, path, "model", problems)


def read_source(value: Any, problems: list[str]) -> Any:
    """Return the source corpus, or a tuple of several; None without any."""
    if not isinstance(value, list | tuple):
        return read_corpus(value, problems, "source")
    read = [read_corpus(item, problems, f"source.{i}") for i, item in enumerate(value)]
    return read[0] if len(read) == 1 else tuple(read) or None


def read_corpus(value: Any, problems: list[str], key: str = "target") -> Any:
    """Return the settings of a corpus: from themselves, a path, a table, tables by split, or a corpus.

    Example:
        >>> read_corpus("clauses.csv", [])
        CorpusConfig(path='clauses.csv', ...)
    """
    if value is None or isinstance(value, CorpusConfig | PartialConfig):
        return value
    if isinstance(value, str | os.PathLike):
        value = {"path": os.fspath(value)}
    elif isinstance(value, Corpus):
        value = {"data": dict(value.splits)}
    elif _is_table(value) or _is_tables(value):
        value = {"data": value}
    elif not isinstance(value, dict):
        found = format_value(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
        problems.append(
            f"{key} is {found}; expected a path, a pandas DataFrame, a datasets.Dataset, a dict of split "
            "name to one of these, or keys such as path, hub and columns."
        )
        return PartialConfig(CorpusConfig, {}, frozenset({"path"}))
    return build(CorpusConfig, value, key, problems)


def _is_table(value: Any) -> bool:
    """Return True for a data frame or a dataset."""
    return hasattr(value, "columns") or hasattr(value, "column_names")


def _is_tables(value: Any) -> bool:
    """Return True for tables by split, not for settings with the key `data`."""
    return isinstance(value, Mapping) and bool(value) and "data" not in value and all(map(_is_table, value.values()))


def read_training(value: Any, problems: list[str], others: dict[str, Any]) -> Any:
    """Return the training arguments; a mapping's get the defaults of a run, and so do the methods among `others`."""
    from transformers import TrainingArguments

    from nlp_transfer.training.arguments import TransferArguments

    if isinstance(value, TransferArguments | PartialConfig):
        return value
    if isinstance(value, TrainingArguments):
        problems.append(
            f"training is a {type(value).__name__} of transformers; expected a nlp_transfer.TransferArguments, which "
            "takes the same arguments."
        )
        return None
    if not isinstance(value, dict):
        return build(TransferArguments, value, "training", problems)
    methods, task = others.get("methods") or (), others.get("task") or SequenceClassification()
    others["methods"] = with_head_rates(value, methods, task) or others.get("methods")
    read = build(TransferArguments, run_defaults(value, methods, task) | value, "training", problems)
    if isinstance(read, TransferArguments):
        read.left_to_rows = left_to_rows(value, methods)
        read.metric_is_default = "metric_for_best_model" not in value
    # `do_train: false` is also the default, which given() leaves out
    problems += run_problems({name: item for name, item in value.items() if isinstance(item, bool)})
    return read


def read_task(value: Any, problems: list[str]) -> Any:
    """Return the task."""
    if isinstance(value, PartialConfig) or type(value) in TASKS.values():
        return value
    return build_named(TASKS, _name_of(value), "task", "task", problems, default=SequenceClassification.name)


def read_methods(value: Any, problems: list[str]) -> tuple[Method, ...] | None:
    """Return the methods, of one or several; None if none can be read."""
    if isinstance(value, str) and "," in value:
        problems.append(f"methods is {value!r}; several are a list: --methods '[{value}]', or methods: [{value}].")
        return None
    items = list(value) if isinstance(value, list | tuple) else [value]
    read: list[Any] = [
        item
        if isinstance(item, Method | PartialConfig)
        else build_named(METHODS, _name_of(item), "method", f"methods.{i}", problems)
        for i, item in enumerate(items)
    ]
    return tuple(method for method in read if method is not None) or (None if items else ())


def _name_of(value: Any) -> Any:
    """Return the name of a class of a table, such as `LoRA`; any other value as it is."""
    return getattr(value, "name", value) if isinstance(value, type) else value


def read_baselines(value: Any, problems: list[str]) -> tuple[str, ...] | None:
    """Return the names of baselines; None for all."""
    read = check(list[str] | None, list(value) if isinstance(value, tuple) else value, "baselines", problems)
    return None if read is None else tuple(read)


READERS: dict[str, Callable[[Any, list[str]], Any]] = {
    "model": read_model,
    "source": read_source,
    "target": read_corpus,
    "task": read_task,
    "methods": read_methods,
    "baselines": read_baselines,
}
"""Keys that are more than a plain value, except `training`. What cannot be read is None or partial, and a problem."""
