"""What is predicted: how rows become tensors, which model fits them, how its outputs are scored.

A task is a frozen dataclass; its fields are its configuration. `bind(corpus)` adds what the corpus says (its labels)
and returns the object that does the work.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data import Corpus
    from nlp_transfer.models.loading import LoadedModel


@dataclass(frozen=True)
class Task(ABC):
    """The configuration of one kind of prediction. Concrete tasks are final.

    Attributes:
        name: the name in configs.
        citation: the publication that introduced it, with its address; empty where there is none.
        metric_names: what `training.metric_for_best_model` may name.
        classifies: whether it learns labels, so that every method goes with it.
        summarizes: whether it learns from documents with summaries.
        writes: whether its network writes texts.
    """

    name: ClassVar[str]
    citation: ClassVar[str] = ""
    metric_names: ClassVar[tuple[str, ...]]
    classifies: ClassVar[bool] = True
    summarizes: ClassVar[bool] = False
    writes: ClassVar[bool] = False

    @abstractmethod
    def bind(self, corpus: "Corpus") -> "FittedTask":
        """The task with what the corpus says, such as labels; raises DataError where the corpus does not fit."""


class FittedTask(ABC):
    """A task that has seen its corpus.

    Attributes:
        facts: what it found and a reader of the report must know.
    """

    name: str
    max_length: int
    facts: dict[str, Any]

    @property
    def cut_at(self) -> int | None:
        """Tokens that the saved tokenizer cuts texts to; None leaves that to whoever uses it."""
        return self.max_length

    def fit_tokenizer(  # noqa: B027  # a task may take the tokenizer as it is
        self, corpus: "Corpus", tokenizer: "PreTrainedTokenizerBase"
    ) -> None:
        """Change the tokenizer for the corpus, in place, before anything is encoded."""

    @abstractmethod
    def encode(self, corpus: "Corpus", tokenizer: "PreTrainedTokenizerBase") -> "dict[str, Dataset]":
        """Rows of tokens of every split, in the corpus's order, cached by content and settings."""

    def learned_rows(self, dataset: "Dataset") -> "Dataset":
        """The encoded training rows of the source that there is something to learn of; of a target all are seen."""
        return dataset

    @abstractmethod
    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """What is to be learned of an encoded row, and its text, for people."""

    @abstractmethod
    def build_model(
        self, name: str, *, revision: str | None, trust_remote_code: bool, attention_dropout: float | None
    ) -> "LoadedModel":
        """The pretrained encoder with a head for this task."""

    @abstractmethod
    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> Callable[[list[dict[str, Any]]], "dict[str, Tensor]"]:
        """Pads rows into a batch; for a compiled model to few different lengths. What it draws follows from `seed`."""

    @abstractmethod
    def metrics(
        self,
        logits: "np.ndarray",
        labels: "np.ndarray",
        *,
        interval: bool = False,
        rows: "Dataset | None" = None,
    ) -> dict[str, Any]:
        """All metrics of one split; intervals if asked for. Some tasks look at the encoded rows, in the same order."""

    def settings(self) -> dict[str, Any]:
        """What a saved model needs to predict as here, beside its weights; JSON can hold it."""
        return {}


class FittedClassification(FittedTask):
    """A classification task that knows its labels; `metrics` has `per_class` and `confusion_matrix` beside floats."""

    label_names: list[str]
    multi_label: bool

    @abstractmethod
    def loss(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """One loss a row, shape (batch,)."""

    @abstractmethod
    def predictions(self, logits: "np.ndarray") -> "np.ndarray":
        """Chosen classes: ids, shape (rows,), or 0/1, shape (rows, classes), for multi-label."""

    @abstractmethod
    def probabilities(self, logits: "np.ndarray") -> "np.ndarray":
        """Class probabilities, shape (rows, classes)."""

    @abstractmethod
    def tune_thresholds(self, logits: "np.ndarray", labels: "np.ndarray") -> None:
        """Choose, on validation rows, what `predictions` needs beyond the logits; nothing where it needs nothing."""

    @abstractmethod
    def threshold_by_label(self) -> dict[str, float]:
        """The thresholds in use by label name; empty where predictions need none."""
