"""Define the contract of a task: what is predicted, from which rows, by which network, and how it is scored.

A `Task` is a frozen dataclass whose fields are its YAML section. `fit(corpus)` reads what the corpus determines, such
as labels and class weights, and returns the `FittedTask` that does the work.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.metrics.metric import Scores
from nlp_transfer.metrics.table import metrics_of
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks.blocks import Block, Section
from nlp_transfer.tasks.headline import compared_headline
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data import Corpus
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor

DomainScores = dict[str, dict[str, dict[str, Any]]]
"""{domain: {split: scores}}"""


class Columns(NamedTuple):
    """The columns of a corpus that a task reads besides the text.

    Args:
        labels: whether the source must have labels.
        documents: whether a row is a document with its summary.
    """

    labels: bool = False
    documents: bool = False


@dataclass(frozen=True)
class Predictions:
    """The outputs of a model on one split.

    Args:
        ids: ids of the rows.
        logits: outputs, shape (rows, …), see the task's `score`.
        labels: the references, shape (rows,) or (rows, …); None where the split has none.
        metrics: all metrics; empty where the split has no labels.
    """

    ids: list[str]
    logits: "np.ndarray"
    labels: "np.ndarray | None"
    metrics: dict[str, Any]


DomainPredictions = Mapping[str, Mapping[str, Predictions]]
"""{domain: {split: predictions}}"""


@dataclass(frozen=True)
class Task(ABC):
    """The configuration of one kind of prediction. Concrete tasks are final.

    Attributes:
        name: the name in configs.
        citation: the publication that introduced it, with its address; empty where there is none.
        primary_metric: the metric that results are compared by.
        scored_rows: the type of rows that its metrics are computed of.
        columns: the columns that it reads.
        provides: the outputs that its network gives to methods.
        baseline_names: the baselines that go with it.
        wording: texts for reports and cards.
        auto_class: the class of transformers that an adapter's base model loads by; empty where no adapter is pushed
            without its model.
        ceiling: the baseline that knows the answer; empty where there is none.
        scores_untrained: whether the report compares with the model before training.
    """

    name: ClassVar[str]
    citation: ClassVar[str] = ""
    primary_metric: ClassVar[str]
    scored_rows: ClassVar[type]
    columns: ClassVar[Columns] = Columns()
    provides: ClassVar[frozenset[Output]] = frozenset()
    baseline_names: ClassVar[tuple[str, ...]] = ()
    wording: ClassVar[Wording]
    auto_class: ClassVar[str] = ""
    ceiling: ClassVar[str] = ""
    scores_untrained: ClassVar[bool] = False

    @classmethod
    def metric_names(cls) -> tuple[str, ...]:
        """Return the metrics that `training.metric_for_best_model` may name."""
        known = [metric.name for metric in metrics_of(cls.scored_rows) if metric.greater_is_better is not None]
        return tuple(dict.fromkeys(["loss", *known]))

    @classmethod
    def details(cls, systems: Mapping[str, Scores]) -> tuple[Block, ...]:
        """Return blocks of results beyond the tables of metrics.

        Args:
            systems: scores of one split by system, the model first.
        """
        return ()

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """Return the metrics that the first sentence of a report names, that of the comparison first."""
        return [cls.primary_metric]

    @classmethod
    def headline(cls, where: str, scores: Scores, others: Mapping[str, Scores]) -> str:
        """Return the sentence that sums up the scores of one split.

        Args:
            where: the domain and split.
            scores: of the model.
            others: of the baselines.
        """
        systems = {"model": scores, **others}
        return compared_headline(where, cls.wording.unit, cls.headline_metrics(scores), systems, cls.ceiling)

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return the class that predicts with a model of this task.

        Raises:
            CheckpointError: nothing is predicted with one.
        """
        raise CheckpointError(
            f"A model of {cls.name} predicts nothing by itself. Name it as `model` of a run that learns a task of it."
        )

    @abstractmethod
    def fit(self, corpus: "Corpus") -> "FittedTask":
        """Return the task with what the corpus determines, such as its labels.

        Raises:
            DataError: the corpus does not fit.
        """


class FittedTask(ABC):
    """A task that has read its corpus.

    Attributes:
        config: the task's settings.
        facts: findings of the corpus for the report.
        label_names: the classes in the order of their ids; empty for a task without classes.
        multi_label: whether a row may have any number of labels.
        row_keys: the keys of a line of the predictions file; empty where none is written.
    """

    config: Task
    name: str
    max_length: int
    facts: dict[str, Any]
    label_names: Sequence[str] = ()
    multi_label: bool = False
    row_keys: ClassVar[tuple[str, ...]] = ()

    @property
    def primary_metric(self) -> str:
        """The metric that results are compared by."""
        return self.config.primary_metric

    @property
    def cut_at(self) -> int | None:
        """Tokens that the saved tokenizer truncates to; None leaves its own limit."""
        return self.max_length

    def load_ranker(self, device: "torch.device") -> None:  # noqa: B027  # most tasks need no second model
        """Load the second model that encoding needs, if any.

        Raises:
            ConfigError: it is not there, or of another kind.
        """

    def fit_tokenizer(  # noqa: B027  # a task may take the tokenizer as it is
        self, corpus: "Corpus", tokenizer: "PreTrainedTokenizerBase"
    ) -> None:
        """Change the tokenizer for the corpus, in place, before anything is encoded."""

    @abstractmethod
    def encode(self, corpus: "Corpus", tokenizer: "PreTrainedTokenizerBase") -> "dict[str, Dataset]":
        """Return the tokens of every split, in the corpus's order, cached by content and settings."""

    def learned_rows(self, dataset: "Dataset") -> "Dataset":
        """Return the encoded training rows of the source that have something to learn."""
        return dataset

    @abstractmethod
    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Describe one encoded row for people: what is to be learned, and the text."""

    @abstractmethod
    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the pretrained encoder with a head for this task."""

    @abstractmethod
    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> Callable[[list[dict[str, Any]]], "dict[str, Tensor]"]:
        """Return the function that pads rows into a batch.

        Args:
            tokenizer: pads.
            compiled: pad to few different lengths, for a compiled model.
            seed: of what the collator draws.
        """

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return one loss a row, shape (rows,); of a task that provides `Output.ROW_LOSS`.

        Raises:
            ConfigError: the task has no loss of a row.
        """
        raise ConfigError(f"{self.name} has no loss of a row.")

    def predictions(self, logits: "np.ndarray") -> "np.ndarray":
        """Return the chosen classes: ids, shape (rows,), or 0/1, shape (rows, classes), for multi-label."""
        raise ConfigError(f"{self.name} has no classes.")

    def probabilities(self, logits: "np.ndarray") -> "np.ndarray":
        """Return class probabilities, shape (rows, classes)."""
        raise ConfigError(f"{self.name} has no classes.")

    def fit_decision(  # noqa: B027  # most tasks decide by nothing but the outputs
        self, logits: "np.ndarray", labels: "np.ndarray | None"
    ) -> None:
        """Choose on validation rows what a prediction needs beyond the outputs, such as thresholds.

        Args:
            logits: outputs of the validation rows.
            labels: their references; None where there are none.
        """

    def threshold_by_label(self) -> dict[str, float]:
        """Return the thresholds in use by label name; empty where predictions need none."""
        return {}

    @abstractmethod
    def score(
        self,
        logits: "np.ndarray",
        labels: "np.ndarray",
        *,
        interval: bool = False,
        rows: "Dataset | None" = None,
    ) -> dict[str, Any]:
        """Return all metrics of one split.

        Args:
            logits: outputs.
            labels: references.
            interval: add 95 % bootstrap intervals.
            rows: the encoded rows in the same order, for tasks that score whole documents.
        """

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """Yield the lines of the predictions file for one split, without `split` and `domain`.

        Args:
            predictions: of the split.
            encoded: its encoded rows.
        """
        yield from ()

    def baselines(
        self,
        names: Sequence[str],
        corpora: "Mapping[str, Corpus]",
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Score baselines on the rows that the model was scored on.

        Args:
            names: some of the task's `baseline_names`.
            corpora: by domain.
            predictions: of the model.
            encoded: the same rows, encoded.
        """
        return {}

    def sections(
        self,
        corpora: "Mapping[str, Corpus]",
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return sections about the predictions that only the task can make.

        Args:
            corpora: by domain.
            predictions: of the model.
            encoded: the same rows, encoded.
        """
        return ()

    def saved_with(self) -> dict[str, str]:
        """Return the models that are saved inside this task's model, by the name of their folder there."""
        return {}

    def settings(self) -> dict[str, Any]:
        """Return what a saved model needs besides its weights to predict as here; JSON can hold it."""
        return {}
