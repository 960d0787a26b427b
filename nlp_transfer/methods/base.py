"""What a transfer method may change: the weights' freedom, the loss, or how the training goes.

A method is a frozen dataclass; its fields are its configuration, so that YAML and Python share names and defaults.
Methods compose as a list, applied in order.
"""

import math
from abc import ABC
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.extension import Extension

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from torch import Tensor, nn
    from transformers import PreTrainedModel, TrainerCallback

    from nlp_transfer.models.activation_cache.store import ActivationStore


def no_masked_lm() -> "PreTrainedModel":
    """What a context has that names no network."""
    raise ConfigError("The context names no masked-language model: context=Context(…, masked_lm=…).")


@dataclass(frozen=True)
class Context:
    """What a method may look at while it prepares a model. Never a target label that it did not ask for.

    Args:
        train: encoded source training rows: `input_ids`, `attention_mask`, `labels`, `length`.
        validation: encoded source validation rows, the same columns.
        target: encoded rows of the target domain, without labels unless a method asks for them (`needs_target_labels`);
            None where no method needs the target.
        collate: makes a batch of tensors from encoded rows.
        loss: (logits, labels) -> one loss a row, shape (batch,). The task's own, class weights included.
        score: (logits (rows, classes), labels) -> the number that selection maximises.
        new_parameters: names of parameters that the checkpoint did not hold: the head, sometimes a pooler.
        seed: the run's seed.
        facts: what the methods chose and counted, for the report; methods write to it.
        batch_tokens: how many tokens (padding counted) one forward pass without gradients may take.
        activations: where what a frozen encoder makes of texts is kept for other runs; None keeps nothing.
        target_validation: encoded rows of the target with labels, scored in each evaluation, to choose a checkpoint by
            or for the log alone; None where none are.
        masked_lm: loads the encoder once more, with a head that guesses hidden tokens (`hidden_tokens`).
    """

    train: "Dataset"
    validation: "Dataset"
    collate: Callable[[list[dict[str, Any]]], dict[str, "Tensor"]]
    loss: Callable[["Tensor", "Tensor"], "Tensor"]
    score: Callable[["Tensor", "Tensor"], float]
    new_parameters: tuple[str, ...] = ()
    seed: int = 0
    batch_tokens: int = 8192
    facts: dict[str, Any] = field(default_factory=dict)
    activations: "ActivationStore | None" = None
    target: "Dataset | None" = None
    target_validation: "Dataset | None" = None
    masked_lm: "Callable[[], PreTrainedModel]" = no_masked_lm


@dataclass(frozen=True)
class Features:
    """What the model makes of one domain's rows of an update, those of all processes and micro-batches.

    Args:
        pooled: what enters the linear layer that makes the logits, float32, shape (batch, hidden).
        logits: float32, shape (batch, classes).
        losses: the task's loss of each row, shape (batch,); None where the rows have no labels.
        multi_label: whether the logits are of labels, any number of which a row may have, or of classes.
        labelled: which rows have labels, bool, shape (batch,), where some have and some have not; the others' losses
            are 0.
        domains: of several sources, which of them a row is from, counted from 0, int64, shape (batch,); None where
            there is one source, and of the target.
    """

    pooled: "Tensor"
    logits: "Tensor"
    losses: "Tensor | None" = None
    multi_label: bool = False
    labelled: "Tensor | None" = None
    domains: "Tensor | None" = None

    def probabilities(self) -> "Tensor":
        """Of classes (softmax) or labels (sigmoid), shape (batch, classes)."""
        return self.logits.sigmoid() if self.multi_label else self.logits.softmax(dim=-1)


@dataclass(frozen=True)
class Term:
    """One part of an update's loss, beside the source's task loss.

    Args:
        value: a scalar, which the log shows as `METHOD_loss`; its gradient reaches the features, and the method's own
            network.
        weight: what it counts in the total.
        shown: what else the log shows of it, by name.
    """

    value: "Tensor"
    weight: float = 1.0
    shown: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MaskedLMSettings:
    """That tokens of target texts are hidden and guessed beside the task.

    Args:
        weight: what the mean loss of the hidden tokens counts in the total.
        probability: of a token to be hidden.
        learning_rate: of the head that guesses.
    """

    weight: float
    probability: float
    learning_rate: float


@dataclass(frozen=True)
class Method(ABC):
    """A way for knowledge to move. Concrete methods are final; override only these hooks.

    Attributes:
        name: the name in configs.
        citation: the publication that introduced it, with its address; empty where there is none.
        needs_target: whether the method needs text of the target domain: it then overrides `penalty`, or
            `hidden_tokens`.
        needs_target_labels: whether it asks for the target's labels, too.
        hides_target: whether it hides tokens of the target's texts (`hidden_tokens`).
        labels_target: whether it labels target rows by itself (`pseudo_labels`).
        needs_pairs: whether its term compares the rows of an update with one another, of which it then needs two.
        trains: whether gradient training follows `prepare` (False where `prepare` itself fits the model).
        any_task: whether it goes with every task, also without classes and without a new head.
        any_head: whether it goes with every task that puts a new head on the encoder.
        reads_pooled: whether its term reads pooled features alone, so that it goes with networks that write, too.
        frees_weights: whether the method decides which weights may move; one of a list of methods may.
    """

    name: ClassVar[str]
    citation: ClassVar[str] = ""
    needs_target: ClassVar[bool] = False
    needs_target_labels: ClassVar[bool] = False
    masks_target: ClassVar[bool] = False
    pseudo_labels_target: ClassVar[bool] = False
    needs_pairs: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    any_task: ClassVar[bool] = False
    any_head: ClassVar[bool] = False
    reads_pooled: ClassVar[bool] = False
    selects_trainable_weights: ClassVar[bool] = True

    def check(self, model: "PreTrainedModel") -> None:  # noqa: B027  # a method may fit every model
        """Refuse a model that lacks what the method needs. Cheap, and changes nothing; a dry run calls it too.

        Raises:
            ConfigError: with every layer, module or pooling that was asked for and that this model does not have.
        """

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Freeze, add adapters, fit a head. Returns the model to train: the same one, or one around it.

        `check` has passed before.
        """
        return model

    def extra_tokens(self) -> int:
        """How many of the encoder's positions each text loses to the method, such as a prompt's virtual tokens."""
        return 0

    def parameter_groups(self, model: "nn.Module", learning_rate: float) -> Iterator[tuple[list[str], float]]:
        """Yield (parameter names, learning rate) for parameters that do not take the run's learning rate."""
        return iter(())

    def network(self, hidden: int, classes: int, sources: int) -> "tuple[nn.Module, float] | None":
        """A network of the method's own that trains along, such as a domain discriminator, and its learning rate.

        It is kept in checkpoints, and not in the model that is saved.

        Args:
            hidden: width of `Features.pooled`.
            classes: width of `Features.logits`.
            sources: how many source domains there are.
        """
        return None

    def uses_target(self) -> bool:
        """Whether training with these settings looks at target rows at all."""
        return self.needs_target

    def source_weight(self, progress: float) -> float:
        """What the source's task loss counts in the total.

        Args:
            progress: the share of the run's updates that is done, from 0 to 1.
        """
        return 1.0

    def hidden_tokens(self) -> MaskedLMSettings | None:
        """How tokens of the target's texts are hidden and guessed; None where they are read as they are."""
        return None

    def pseudo_labels(
        self, probabilities: "Callable[[], np.ndarray]", epoch: int, epochs: float, *, multi_label: bool
    ) -> "np.ndarray | None":
        """Labels for target rows at the start of an epoch, -1 for none; None where no row gets any.

        They are class ids, shape (rows,), or 0 and 1, shape (rows, labels), where a text may have several.

        Args:
            probabilities: computes what the model makes of all target rows at this moment, shape (rows, classes).
            epoch: how many are done.
            epochs: of the whole run.
            multi_label: whether a text may have several labels.
        """
        return None

    def labelling_epochs(self, epochs: float) -> int:
        """In how many epochs of a run of so many `pseudo_labels` asks what the model makes of the target's rows."""
        return 0

    def penalty(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """The method's part of an update's loss.

        Args:
            source: the source rows of the update.
            target: its target rows, as many.
            progress: the share of the run's updates that is done, from 0 to 1.
            network: what `network` made.
        """
        return None

    def extension(self) -> Extension | None:
        """Return what takes part in the trainer's loop for this method; None where nothing does."""
        return None

    def callbacks(self, model: "nn.Module") -> "list[TrainerCallback]":
        """Callbacks that act while training goes, such as gradual unfreezing."""
        return []


def weight_problems(method: str, weight: float) -> list[str]:
    """The problems with the weight of a method's term, worded for its config."""
    if 0 <= weight < math.inf:
        return []
    return [f"{method}.weight is {weight}; expected 0 or more."]


def composition_problems(methods: Sequence[Method]) -> list[str]:
    """What is wrong with a list of methods as a whole, one message each."""
    names = [method.name for method in methods]
    problems = [f"methods: {name} is listed {names.count(name)} times." for name in set(names) if names.count(name) > 1]
    freeing = sorted({method.name for method in methods if method.selects_trainable_weights})
    if len(freeing) > 1:
        problems.append(
            f"methods: {' and '.join(freeing)} each decide which weights move, so only one of them can stand in a run."
        )
    adapting = [method.name for method in methods if method.needs_target]
    labelling = [method.name for method in methods if method.pseudo_labels_target or method.needs_target_labels]
    if len(labelling) > 1:
        problems.append(f"methods: {' and '.join(labelling)} each give target rows labels; only one of them can stand.")
    hiding = next((method.name for method in methods if method.masks_target), None)
    if hiding and len(adapting) > 1:
        others = " and ".join(name for name in adapting if name != hiding)
        problems.append(f"methods: {hiding} hides words of the target's texts, which {others} would read. Take one.")
    problems += [
        f"methods: {method.name} fits a head and trains nothing by gradient, so {' and '.join(adapting)} would do "
        "nothing. Take full_fine_tuning, partial_fine_tuning, lora or lp_ft."
        for method in methods
        if adapting and not method.trains
    ]
    return problems


def check_all(methods: Sequence[Method], model: "PreTrainedModel") -> None:
    """Check every method against a model that none has prepared yet.

    Raises:
        ConfigError: with what is wrong with the list, and all that the model lacks.
    """
    problems = composition_problems(methods)
    for method in methods:
        try:
            method.check(model)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def prepare_all(methods: Sequence[Method], model: "PreTrainedModel", context: Context) -> "nn.Module":
    """Apply methods to a model in order, each after its check.

    Raises:
        ConfigError: the methods do not go together, or the model lacks what one of them needs.
    """
    problems = composition_problems(methods)
    if problems:
        raise ConfigError(problems)
    prepared: Any = model
    for method in methods:
        method.check(prepared)
        prepared = method.prepare(prepared, context)
    return prepared
