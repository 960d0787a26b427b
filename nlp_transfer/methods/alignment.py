"""The base class of methods that train on target text next to the source's.

    L = source_weight * L_S + sum over methods of weight * term

Each optimizer step uses equally many source and target examples. Terms are computed over the whole effective batch, so
results do not depend on accumulation or the number of processes.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from nlp_transfer.methods.base import Method, Needs
from nlp_transfer.models.outputs import Output

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


TEACHER_LOGITS = "teacher_logits"
"""The key of a batch of target rows for the logits of another model; float, shape (rows, classes)."""


@dataclass(frozen=True)
class Features:
    """Hold the model's outputs for one domain's rows of an optimizer step, over all processes and micro-batches.

    Args:
        pooled: the inputs of the layer that makes the logits, float32, shape (batch, hidden).
        logits: float32, shape (batch, classes).
        losses: the task's loss of each row, shape (batch,); None where rows have no labels.
        multi_label: whether each logit is a label of its own, or all are classes of which one is right.
        labelled: whether each row has labels, bool, shape (batch,); None where all or none have. The others' losses
            are 0.
        domains: the source domain of each row, from 0, int64, shape (batch,); None for one source, and for the target.
        teacher: logits of another model, shape (batch, classes), for a method that learns from it; else None.
    """

    pooled: "Tensor"
    logits: "Tensor"
    losses: "Tensor | None" = None
    multi_label: bool = False
    labelled: "Tensor | None" = None
    domains: "Tensor | None" = None
    teacher: "Tensor | None" = None

    def probabilities(self) -> "Tensor":
        """Return class (softmax) or label (sigmoid) probabilities, shape (batch, classes).

        Example:
            >>> import torch
            >>> Features(torch.zeros(1, 4), torch.zeros(1, 2)).probabilities()
            tensor([[0.5000, 0.5000]])
        """
        return self.logits.sigmoid() if self.multi_label else self.logits.softmax(dim=-1)


@dataclass(frozen=True)
class Term:
    """Hold a method's part of the loss of an optimizer step.

    Args:
        value: a scalar, logged as `METHOD_loss`. Its gradient reaches the features and the method's own network.
        weight: its factor in the total.
        source_weight: a factor on the source's task loss.
        logged: other values for the log, by name.
    """

    value: "Tensor"
    weight: float = 1.0
    source_weight: float = 1.0
    logged: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shapes:
    """Hold the sizes of what a method's network reads, and what else it may be made of.

    Args:
        hidden: width of `Features.pooled`.
        classes: width of `Features.logits`.
        sources: number of source domains.
        encoder: of the model that is trained.
        masked_lm: loads the encoder once more, with a head that predicts masked tokens.
    """

    hidden: int
    classes: int
    sources: int = 1
    encoder: "PreTrainedModel | None" = None
    masked_lm: "Callable[[], PreTrainedModel] | None" = None


@dataclass(frozen=True)
class Network:
    """Hold a network that trains with the model, such as a domain discriminator. Saved models do not contain it."""

    module: "nn.Module"
    learning_rate: float


@dataclass(frozen=True)
class AlignmentMethod(Method):
    """Add a term of source and target features to the loss. It joins a method that chooses the trainable weights.

    Example:
        >>> data = {"train_dataset": rows, "target_dataset": target_rows, "processing_class": tokenizer}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[DANN()])
        >>> trainer.train().global_step
        16
    """

    needs: ClassVar[Needs] = Needs(target_text=True, outputs=frozenset({Output.POOLED}))

    @property
    def active(self) -> bool:
        """Return whether training with these settings differs from training on the source only."""
        return True

    @property
    def masks_tokens(self) -> bool:
        """Return whether the model reads other tokens of a target text each time."""
        return False

    @property
    def needs_validation(self) -> tuple[str, ...]:
        """Return the settings that need labelled validation rows of the source."""
        return ()

    def check_run(self, tokenizer: Any, epochs: float) -> None:  # a method may fit every run
        """Check what a run gives the method, before it trains; `epochs` is infinite where steps limit it."""

    def target_passes(self, epochs: float) -> int:
        """Return how often the method predicts all target rows in a run of so many epochs, besides its steps."""
        return 0

    def network(self, shapes: Shapes) -> Network | None:
        """Return a new network of the method's own, with random weights; None where it has none."""
        return None

    @abstractmethod
    def term(self, source: Features, target: Features, progress: float, network: "nn.Module | None") -> Term | None:
        """Return the method's part of the loss of an optimizer step; None where this step has none.

        There are as many target rows as source rows; `progress` is the share of the run's steps that is done.
        """


def active_methods(methods: Sequence[Method]) -> list[AlignmentMethod]:
    """Return the alignment methods that act with their settings."""
    return [method for method in methods if isinstance(method, AlignmentMethod) and method.active]
