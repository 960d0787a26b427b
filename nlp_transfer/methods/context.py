"""The data, functions and model parts that a method may use while it prepares a model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedModel

    from nlp_transfer.models.activation_cache.store import ActivationStore


@dataclass(frozen=True)
class Context:
    """Hold what methods use. It has no target label unless a method needs target labels.

    Args:
        train: encoded source training rows: `input_ids`, `attention_mask`, `labels`, `length`.
        validation: encoded source validation rows, the same columns.
        collate: makes a batch of tensors from encoded rows.
        loss: (logits, labels) -> the task's loss of each row, shape (batch,), class weights included.
        score: (logits, shape (rows, classes), labels) -> the number that selection maximises.
        new_parameters: names of parameters that the checkpoint does not hold: the head, sometimes a pooler.
        seed: the run's seed.
        facts: choices and counts of the methods, for the report; methods write to it.
        bf16: whether a method that trains the encoder itself computes in bf16.
        batch_tokens: the most tokens (padding counted) of one forward pass without gradients.
        activations: the cache of a frozen encoder's outputs; None caches nothing.
        target: encoded target rows, without labels unless a method needs them; None where no method needs the target.
        target_validation: encoded target rows with labels, scored in each evaluation, to choose a checkpoint by or
            for the log only; None where there are none.
        folder: of the run's checkpoints, where a method may save the state of steps of its own; None saves nothing.
        masked_lm: loads the encoder once more, with its masked-language-modelling head, for `target_mlm`.
    """

    train: "Dataset"
    validation: "Dataset"
    collate: Callable[[list[dict[str, Any]]], dict[str, "Tensor"]]
    loss: Callable[["Tensor", "Tensor"], "Tensor"]
    score: Callable[["Tensor", "Tensor"], float]
    new_parameters: tuple[str, ...] = ()
    seed: int = 0
    bf16: bool = False
    batch_tokens: int = 8192
    facts: dict[str, Any] = field(default_factory=dict)
    activations: "ActivationStore | None" = None
    target: "Dataset | None" = None
    target_validation: "Dataset | None" = None
    folder: Path | None = None
    masked_lm: "Callable[[], PreTrainedModel] | None" = None

    @property
    def earlier_seconds(self) -> float:
        """The seconds of steps that methods made before an interruption."""
        found = (facts.get("earlier_seconds", 0.0) for facts in self.facts.values() if isinstance(facts, dict))
        return float(sum(found))
