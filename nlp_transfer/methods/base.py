"""The base class of transfer methods, and the checks of a list of them.

A method is a frozen dataclass; its fields are its configuration, so that YAML and Python share names and defaults.
Methods compose as a list, applied in order.
"""

import math
from abc import ABC
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from nlp_transfer.errors import CheckedArguments, ConfigError
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.extension import Extension
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.size_limits import size_problems

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "weight": (lambda value: 0 <= value < math.inf, "0 or more"),
    "gamma": (lambda value: 0 < value < math.inf, "more than 0 (10 reaches half strength at a tenth)"),
    "hidden_size": (lambda value: value >= 1, "1 or more"),
    "learning_rate": (lambda value: 0 < value < math.inf, "more than 0"),
    "head_learning_rate": (lambda value: 0 < value < math.inf, "more than 0, or null"),
    "layer_decay": (lambda value: 0 < value <= 1, "0 < layer_decay <= 1 (1 is no decay)"),
}
"""Expected values of fields that several methods have, by name; None is allowed where it is a default."""


@dataclass(frozen=True)
class Needs:
    """List what a method needs.

    Args:
        source: labelled rows of the source domain; False for a method that adapts a trained model by target text alone.
        target_text: text of the target domain.
        target_labels: labels of the target's training split.
        pairs: two rows or more in an optimizer step, since it compares rows with one another.
        outputs: outputs of the network; a task must provide all of them.
    """

    source: bool = True
    target_text: bool = False
    target_labels: bool = False
    pairs: bool = False
    outputs: frozenset[Output] = frozenset()


class Change(Enum):
    """Name a part of the training that at most one method of a run may set."""

    TRAINABLE_WEIGHTS = "choose the trainable weights"
    TARGET_LABELS = "give target rows labels"
    TARGET_TOKENS = "mask tokens of target texts"


@dataclass(frozen=True)
class Method(CheckedArguments, ABC):
    """Define one way of transfer. Concrete methods are final and override the hooks that they need.

    Attributes:
        name: the name in configs.
        citation: the publication that introduced it, with its address; empty where there is none.
        needs: what it needs of the data and of the task's network.
        changes: the parts of the training that it sets.
        trains: whether gradient training follows `prepare`; False where `prepare` fits the model.
        adds_adapter: whether it trains an adapter beside the model's own weights.
        contains: names of methods that it is made of, which cannot join it.
        run_defaults: training arguments of a run that names none; the first method that has one counts.
            `metric_for_best_model` counts where the best checkpoint is kept.
    """

    name: ClassVar[str]
    citation: ClassVar[str] = ""
    needs: ClassVar[Needs] = Needs()
    changes: ClassVar[frozenset[Change]] = frozenset()
    trains: ClassVar[bool] = True
    adds_adapter: ClassVar[bool] = False
    contains: ClassVar[tuple[str, ...]] = ()
    run_defaults: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        self.check_values()

    def check_values(self, **expected: tuple[bool, str]) -> None:
        """Raise ConfigError with every field that is not as `expected`, or as in `RANGES`, or is far too large."""
        checks = dict.fromkeys(vars(self), (True, ""))
        for name, (holds, text) in RANGES.items():
            if getattr(self, name, None) is not None:
                checks[name] = holds(getattr(self, name)), text
        problems = size_problems(f"{self.name}.", vars(self)) + [
            f"{self.name}.{field} is {getattr(self, field)}; expected {text}."
            for field, (is_right, text) in {**checks, **expected}.items()
            if not is_right
        ]
        if problems:
            raise ConfigError(problems)

    @property
    def reserved_positions(self) -> int:
        """Return how many positions each text loses to the method, such as those of a prompt's virtual tokens."""
        return 0

    def check(self, model: "PreTrainedModel") -> None:  # a method may fit every model
        """Check quickly that a model has what the method needs; raise ConfigError with all that it lacks."""

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Freeze weights, add adapters or fit a head; return the model to train: the same one, or a wrapper of it."""
        return model

    def parameter_groups(self, model: "nn.Module", learning_rate: float) -> Iterator[tuple[list[str], float]]:
        """Yield (parameter names, learning rate) for parameters that do not use the run's learning rate."""
        return iter(())

    def extension(self) -> Extension | None:
        """Return what takes part in the trainer's loop for this method; None where nothing does."""
        return None


def composition_problems(methods: Sequence[Method]) -> list[str]:
    """Return the problems of a list of methods as a whole, one message each."""
    names = [method.name for method in methods]
    problems = [f"methods: {name} is listed {names.count(name)} times." for name in set(names) if names.count(name) > 1]
    for change in Change:
        changing = sorted({method.name for method in methods if change in method.changes})
        if len(changing) > 1:
            problems.append(f"methods: {' and '.join(changing)} each {change.value}; only one of them can be in a run.")
    problems += [
        f"methods: {method.name} contains {name}. Leave {name} out."
        for method in methods
        for name in method.contains
        if name in names
    ]
    adapting = [method.name for method in methods if method.needs.target_text]
    if alone := source_free(methods):
        return problems + _without_source_problems(alone, methods)
    for method in methods:
        others = " and ".join(name for name in adapting if name != method.name)
        if others and Change.TARGET_TOKENS in method.changes:
            problems.append(
                f"methods: {method.name} masks tokens of target texts, which {others} would read. Take one."
            )
        if others and not method.trains:
            problems.append(
                f"methods: {method.name} fits the model before the training with {others}, which would do nothing. "
                "Take full_fine_tuning, partial_fine_tuning, lora or lp_ft."
            )
    return problems


def _without_source_problems(name: str, methods: Sequence[Method]) -> list[str]:
    """Return the problems of methods that need a source, beside the one that has none; one message each."""
    problems = []
    for method in methods:
        if method.needs.target_text and method.name != name:
            problems.append(f"methods: {name} reads no source text, which {method.name} needs. Take one of them.")
        if Change.TRAINABLE_WEIGHTS in method.changes and Output.ROW_LOSS in method.needs.outputs:
            problems.append(
                f"methods: {method.name} fits a head to labelled source rows, and {name} reads none. Take "
                "full_fine_tuning, partial_fine_tuning or lora."
            )
    return problems


def source_free(methods: Sequence[Method]) -> str | None:
    """Return the name of the method that adapts a trained model without any source row; None without one.

    Example:
        >>> source_free([FullFineTuning(), SourceFree()])
        'source_free'
    """
    return next((method.name for method in methods if not method.needs.source), None)


def check_all(methods: Sequence[Method], model: "PreTrainedModel") -> None:
    """Check every method against a model that no method has prepared yet; raise ConfigError with all problems."""
    from nlp_transfer.models.heads.document_pooling import reads_windows

    problems = composition_problems(methods)
    for method in methods:
        if reads_windows(model) and (method.reserved_positions or Change.TARGET_TOKENS in method.changes):
            problems.append(
                f"methods: {method.name} changes the tokens of whole texts, and task.long_documents: windows reads "
                "parts of them. Take another method, or task.long_documents: truncate."
            )
        try:
            method.check(model)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def prepare_all(methods: Sequence[Method], model: "PreTrainedModel", context: Context) -> "nn.Module":
    """Apply methods to a model in order, each after its check; raise ConfigError where they do not go together."""
    if problems := composition_problems(methods):
        raise ConfigError(problems)
    prepared: Any = model
    for method in methods:
        method.check(prepared)
        prepared = method.prepare(prepared, context)
    return prepared
