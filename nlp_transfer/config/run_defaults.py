"""Give a run the training arguments that its configuration leaves out; configs/README.md has what they reach.

| training rows | per_device_train_batch_size | num_train_epochs |
|---|---|---|
| up to 2,000 | 8 | 10 |
| up to 10,000 | 16 | 5 |
| more | 32 | 3 |

The others are known before the rows are: `learning_rate` is the method's (`Method.run_defaults`), each epoch
is scored on the source's validation rows and saved, and the best one is kept. A `TransferTrainer` in a script has the
defaults of `Trainer`.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nlp_transfer.methods import Adapt, FullFineTuning, Method
from nlp_transfer.methods.base import source_free
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks import TASKS, SequenceClassification, Task

if TYPE_CHECKING:
    from nlp_transfer.training.arguments import TransferArguments

LEARNING_RATE = 5e-5
"""The learning rate of pretrained weights, where no method has one of its own."""

HEAD_LEARNING_RATE = 5e-4
"""The learning rate of a new head, for methods that can give it one."""

SCHEDULE: tuple[tuple[float, dict[str, float]], ...] = (
    (2_000, {"per_device_train_batch_size": 8, "num_train_epochs": 10.0}),
    (10_000, {"per_device_train_batch_size": 16, "num_train_epochs": 5.0}),
    (math.inf, {"per_device_train_batch_size": 32, "num_train_epochs": 3.0}),
)
"""Up to how many training rows, and the arguments that depend on them."""

AVERAGE = "average"
"""Value of `source_only_baseline`: the saved model is the mean of the adapted and the source-only one."""

_METRIC = "metric_for_best_model"

_EVALUATION = ("eval_strategy", "eval_steps", "save_strategy", "save_steps")
_PRECISION = ("precision", "bf16", "fp16")


def with_default_methods(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the methods and the source-only baseline that it leaves out.

    Example:
        >>> with_default_methods({"target": "reviews.csv"})
        {'target': 'reviews.csv', 'methods': ['full_fine_tuning', 'adapt'], 'source_only_baseline': 'average'}
    """
    task = tree.get("task") or SequenceClassification.name
    name = task.get("name", SequenceClassification.name) if isinstance(task, Mapping) else getattr(task, "name", task)
    provided = TASKS[name].provides if isinstance(name, str) and name in TASKS else frozenset()
    adapts = tree.get("methods") is None and tree.get("target") is not None and Adapt.needs.outputs <= provided
    defaults = {
        "methods": [FullFineTuning.name, *([Adapt.name] if adapts else [])],
        "source_only_baseline": AVERAGE if adapts else True,
    }
    given = {key: value for key, value in tree.items() if value is not None or key not in defaults}
    return given | {key: value for key, value in defaults.items() if key not in given}


def run_defaults(given: Mapping[str, Any], methods: Iterable[Method], task: Task) -> dict[str, Any]:
    """Return the arguments that a configuration leaves out, except those that depend on the rows.

    Nothing is added where no method trains by gradient. Who says when to evaluate or save says it for both.

    Example:
        >>> run_defaults({"bf16": True}, (LoRA(),), SequenceClassification())["learning_rate"]
        0.0005
    """
    methods = tuple(methods)
    if not all(method.trains for method in methods):
        return {}
    defaults: dict[str, Any] = {
        "learning_rate": LEARNING_RATE,
        "warmup_steps": 0.1,
        "per_device_eval_batch_size": 32,
        "logging_first_step": True,
        "logging_steps": 0.02,
    }
    if not any(name in given for name in _PRECISION):
        defaults["precision"] = "auto"
    if not any(name in given for name in _EVALUATION):
        best = {"load_best_model_at_end": True, _METRIC: task.selection_metric or task.primary_metric}
        defaults |= {"eval_strategy": "epoch", "save_strategy": "epoch", "save_total_limit": 1, **best}
    own = _of_methods(methods)
    chooses = _METRIC in defaults and all(method.needs.outputs <= task.provides for method in methods)
    defaults |= {name: value for name, value in own.items() if name != _METRIC or chooses}
    return {name: value for name, value in defaults.items() if name not in given}


def _of_methods(methods: Iterable[Method]) -> dict[str, Any]:
    """Return the defaults that methods have of their own; those of the first one count."""
    return {name: value for method in reversed([*methods]) for name, value in method.run_defaults.items()}


def with_head_rates(given: Mapping[str, Any], methods: tuple[Method, ...], task: Task) -> tuple[Method, ...]:
    """Return the methods with a larger learning rate for a new head, unless the configuration has a learning rate.

    Example:
        >>> with_head_rates({}, (FullFineTuning(),), SequenceClassification())[0].head_learning_rate
        0.0005
    """
    has_head = source_free(methods) is not None  # a trained one
    if "learning_rate" in given or has_head or not task.provides & _HEADS:
        return methods
    return tuple(
        dataclasses.replace(method, head_learning_rate=HEAD_LEARNING_RATE)  # type: ignore[call-arg]
        if isinstance(method, Method) and getattr(method, "head_learning_rate", HEAD_LEARNING_RATE) is None
        else method
        for method in methods
    )


def left_to_rows(given: Mapping[str, Any], methods: Iterable[Method]) -> frozenset[str]:
    """Return the arguments that depend on the number of training rows, since a configuration leaves them out."""
    methods = tuple(methods)
    if not all(method.trains for method in methods):
        return frozenset()
    steps = given.get("max_steps")
    unread = {"num_train_epochs"} if isinstance(steps, int) and steps > 0 else set()
    return frozenset(SCHEDULE[0][1].keys() - given.keys() - _of_methods(methods).keys() - unread)


def by_rows(names: Iterable[str], rows: int) -> dict[str, float]:
    """Return the values of arguments for a number of training rows.

    Example:
        >>> by_rows(["num_train_epochs"], 4_169)
        {'num_train_epochs': 5.0}
    """
    values = next(values for most, values in SCHEDULE if rows <= most)
    return {name: values[name] for name in sorted(names)}


def training_record(arguments: "TransferArguments") -> dict[str, Any]:
    """Return the arguments of a run as plain values: those with a default of a run's own, and all that were given."""
    names = [name for name in DEFAULTED if name not in arguments.left_to_rows]
    values = {name: getattr(arguments, name) for name in names} | arguments.given()
    return {"output_dir": arguments.output_dir, **{name: getattr(one, "value", one) for name, one in values.items()}}


_HEADS = frozenset({Output.LOGITS, Output.NUMBERS, Output.TAGS, Output.SPANS})
"""The outputs of new heads that learn faster at a larger rate."""

DEFAULTED = (*run_defaults({}, (), SequenceClassification()), *SCHEDULE[0][1])
"""All arguments that a run has defaults of its own for."""
