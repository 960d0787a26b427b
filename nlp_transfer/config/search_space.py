"""Check the values of a search: `{"methods.dann.weight": [0.03, 0.1], "training.learning_rate": [1e-4, 3e-4]}`.

A configuration's `search` and `nlp_transfer.search` read them alike.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nlp_transfer.errors import format_value
from nlp_transfer.methods import METHODS
from nlp_transfer.methods.base import Method
from nlp_transfer.training.neutral_settings import is_result_neutral

MAX_CANDIDATES = 100
"""Maximum number of combinations of a search; each is a training of its own."""

NUMBERS = (
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "weight_decay",
    "warmup_steps",
    "max_grad_norm",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
)
"""Training arguments that `nlp_transfer.search` may try: those of optimization that do not depend on others."""

READING = ("max_length", "long_documents", "pooling", "window_overlap", "max_windows", "train_windows")
"""Settings of a task that a search may try: how texts are read. Others change what is compared."""


def combinations(search: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield every combination of the values, by path.

    Example:
        >>> list(combinations({"methods.dann.weight": [0.1, 1.0], "training.max_steps": [5]}))
        [{'methods.dann.weight': 0.1, 'training.max_steps': 5}, {'methods.dann.weight': 1.0, 'training.max_steps': 5}]
    """
    for combination in itertools.product(*search.values()):
        yield dict(zip(search, combination, strict=True))


def describe_values(values: Mapping[str, Any]) -> str:
    """Return one combination as text.

    Example:
        >>> describe_values({"methods.dann.weight": 0.1, "training.max_steps": 5})
        'methods.dann.weight 0.1, training.max_steps 5'
    """
    return ", ".join(f"{path} {value}" for path, value in values.items())


def search_problems(search: Mapping[str, Sequence[Any]], training: Any, methods: Sequence[Method]) -> list[str]:
    """Return what is wrong with a search except the values themselves; `training` has the metric that chooses."""
    problems = []
    for path, values in search.items():
        section = str(path).partition(".")[0]
        if near := "training" if section in NUMBERS else "methods" if section in METHODS else None:
            problems.append(f"search: {path} is not whole. Did you mean {near}.{path}?")
        elif path not in _TASK_PATHS and (
            not str(path).startswith(("methods.", "training.")) or path == "training.seed"
        ):
            problems.append(
                f"search: {path} cannot be chosen; expected a path such as methods.dann.weight or "
                "training.learning_rate. Other values change what is compared, and the best seed is luck."
            )
        elif is_result_neutral(str(path)):
            problems.append(f"search: {path} changes no result, so there is nothing to choose. Leave it out.")
        elif isinstance(values, str) or not isinstance(values, Sequence) or not values:
            given = "empty" if isinstance(values, list | tuple) else format_value(values)
            problems.append(f"search.{path} is {given}; expected a list of values.")
        elif len(values) > MAX_CANDIDATES:
            problems.append(f"search.{path} has {len(values):,} values; expected at most {MAX_CANDIDATES}. {_FEWER}")
        elif twice := [value for place, value in enumerate(values) if value in values[:place]]:
            problems.append(f"search.{path} has {twice[0]} more than once; each would be trained. Leave one.")
    lengths = [len(values) if isinstance(values, list | tuple) else 1 for values in search.values()]
    if math.prod(lengths) > MAX_CANDIDATES >= max(lengths):
        product = " x ".join(map(str, lengths))
        problems.append(
            f"search has {math.prod(lengths):,} combinations ({product}); expected at most {MAX_CANDIDATES}. {_FEWER}"
        )
    if search:
        if training.metric_for_best_model is None or not training.load_best_model_at_end:
            problems.append(
                "search needs something to choose by: set training.metric_for_best_model and "
                "training.load_best_model_at_end: true."
            )
        problems += [
            f"search: {method.name} fits the model before training, so nothing is evaluated on the way. It chooses by "
            "itself among its fields' lists."
            for method in methods
            if not method.trains
        ]
    return problems


_TASK_PATHS = tuple(f"task.{name}" for name in READING)

_FEWER = "Each is a training of its own: leave values out, and look closer around the best afterwards."
