"""Define the contract of a task: a `Task` is its YAML section, and its `fit(corpus)` gives the `FittedTask`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from nlp_transfer.data.validation.row_kinds import TEXTS
from nlp_transfer.errors import CheckedArguments, CheckpointError, ConfigError
from nlp_transfer.metrics.metric import Scores
from nlp_transfer.metrics.negative_transfer import CEILING
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

    from nlp_transfer.data.corpus import Corpus
    from nlp_transfer.metrics.calibration import Calibration
    from nlp_transfer.metrics.row_scores import RowScores
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor

DomainScores = dict[str, dict[str, dict[str, Any]]]
"""{domain: {split: scores}}"""


class Columns(NamedTuple):
    """Columns of a corpus that a task reads: those of a kind of rows (`ROW_KINDS`), with labels or without."""

    labels: bool = False
    kind: str = TEXTS


@dataclass(frozen=True)
class Predictions:
    """The outputs of a model on one split.

    Args:
        ids: of the rows.
        logits: outputs, shape (rows, …); see the task's `score`.
        labels: references, shape (rows, …); None if the split has none.
        metrics: all metrics; empty if the split has no labels.
    """

    ids: list[str]
    logits: "np.ndarray"
    labels: "np.ndarray | None"
    metrics: dict[str, Any]


Lines = Sequence[Mapping[str, Any]]  # of predictions, with references
DomainPredictions = Mapping[str, Mapping[str, Predictions]]
"""{domain: {split: predictions}}"""


@dataclass(frozen=True)
class Task(CheckedArguments, ABC):
    """The configuration of one kind of prediction. Concrete tasks are final.

    Attributes:
        section: its place in a configuration.
        citation: publication with its address; empty without one.
        primary_metric: metric by which results are compared.
        selection_metric: metric by which a run keeps its best epoch; empty for the primary one.
        scored_rows: types of rows from which its metrics are computed.
        columns: of the corpus that it reads.
        provides: outputs of its network for methods.
        baseline_names: its baselines; those of `optional_baselines` are scored if named.
        auto_class: class of transformers for an adapter's base model; empty if adapters are not pushed alone.
        ceiling: baseline that has seen answers.
        scores_untrained: compare with the model before training.
    """

    section: ClassVar[str] = "task"
    name: ClassVar[str]
    citation: ClassVar[str] = ""
    primary_metric: ClassVar[str]
    selection_metric: ClassVar[str] = ""
    scored_rows: ClassVar[tuple[type, ...]]
    columns: ClassVar[Columns] = Columns()
    provides: ClassVar[frozenset[Output]] = frozenset()
    baseline_names: ClassVar[tuple[str, ...]] = ()
    optional_baselines: ClassVar[tuple[str, ...]] = ()
    wording: ClassVar[Wording]
    auto_class: ClassVar[str] = ""
    ceiling: ClassVar[str] = CEILING
    scores_untrained: ClassVar[bool] = False

    @property
    def default_baselines(self) -> tuple[str, ...]:
        """The baselines that are scored where none are named."""
        return tuple(name for name in self.baseline_names if name not in self.optional_baselines)

    @classmethod
    def metric_names(cls) -> tuple[str, ...]:
        """Return the metrics that `training.metric_for_best_model` may name: those that each evaluation has."""
        always = (metric for metric in metrics_of(*cls.scored_rows) if metric.requires is None)
        return tuple(dict.fromkeys(["loss", *(one.name for one in always if one.greater_is_better is not None)]))

    @classmethod
    def output_names(cls, classes: Sequence[str]) -> Sequence[str]:
        """Return the names of the network's outputs, in order, for these classes."""
        return classes

    @classmethod
    def details(cls, systems: Mapping[str, Scores]) -> tuple[Block, ...]:
        """Return blocks of results beyond the tables of metrics, for the scores of systems, the model first."""
        return ()

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """Return the metrics that a headline names; systems are compared by the first."""
        return [cls.primary_metric]

    @classmethod
    def headline(cls, where: str, scores: Scores, others: Mapping[str, Scores]) -> str:
        """Return a sentence on the scores of the model and of other systems on one split, named by `where`."""
        systems = {"model": scores, **others}
        return compared_headline(where, cls.wording.unit, cls.headline_metrics(scores), systems, cls.ceiling)

    @classmethod
    def row_scores(cls, runs: "Sequence[Lines]") -> "RowScores":
        """Return what the primary metric is computed of, by the lines of predictions of the same rows by each run."""
        raise ConfigError(f"{cls.name} writes no lines of predictions, by which runs are compared.")

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return the class that predicts with a model of this task; raise CheckpointError if there is none."""
        raise CheckpointError(
            f"A model of {cls.name} predicts nothing by itself. Name it as `model` of a run that learns a task of it."
        )

    def prepared(self, corpus: "Corpus") -> "Corpus":
        """Return a source corpus as the task reads it, before it is fitted to it."""
        return corpus

    @abstractmethod
    def fit(self, corpus: "Corpus") -> "FittedTask":
        """Return the task with what the corpus determines, such as labels; raise DataError if it does not fit."""


class FittedTask(ABC):
    """A task that has read its corpus.

    Attributes:
        facts: about the corpus, for the report.
        label_names: classes in the order of their ids; empty for a task without classes.
        multi_label: a row may have any number of labels.
        row_keys: keys of a line of predictions; empty if none are written.
        calibration_needs: settings that need rows which training does not learn from.
        max_length: maximum number of tokens that the network reads at once; 0 for a network that reads no tokens.
    """

    label_names: Sequence[str] = ()
    multi_label: bool = False
    row_keys: tuple[str, ...] = ()
    calibration_needs: Sequence[str] = ()

    def __init__(self, config: Any) -> None:
        self.config = config
        self.name: str = config.name
        self.max_length: int = getattr(config, "max_length", 0)
        self.facts: dict[str, Any] = {}
        self.baseline_predictions: dict[str, dict[str, dict[str, Any]]] = {}  # by baseline, domain and split

    @property
    def primary_metric(self) -> str:
        """The metric by which results are compared."""
        return self.config.primary_metric

    @property
    def cut_at(self) -> int | None:
        """The maximum number of tokens of the saved tokenizer; None keeps its own."""
        return self.max_length

    def load_tokenizer(self, reference: "ModelReference") -> Any:
        """Return what makes inputs of rows: the tokenizer of a model, or the processor of its images."""
        from nlp_transfer.models.tokenizer_loading import load_tokenizer

        return load_tokenizer(reference)

    def load_ranker(self, device: "torch.device") -> None:  # noqa: B027
        """Load the second model that encoding needs, if any; raise ConfigError if it is missing."""

    def fit_tokenizer(self, corpus: "Corpus", tokenizer: "PreTrainedTokenizerBase") -> None:  # noqa: B027
        """Change the tokenizer for the corpus in place, before encoding."""

    def encode(self, corpus: "Corpus", tokenizer: "PreTrainedTokenizerBase") -> "dict[str, Dataset]":
        """Return the tokens of every split, in the corpus's order, cached by content and settings."""
        names = {split: f"{corpus.fingerprint}-{split}" for split in corpus.splits}
        return {split: self.encode_split(split, corpus.splits[split], names[split], tokenizer) for split in names}

    @abstractmethod
    def encode_split(
        self, split: str, rows: "Dataset", fingerprint: str, tokenizer: "PreTrainedTokenizerBase"
    ) -> "Dataset":
        """Return the tokens of one split; the fingerprint identifies its texts."""

    def learned_rows(self, dataset: "Dataset") -> "Dataset":
        """Return the encoded training rows that have a target."""
        return dataset

    @abstractmethod
    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the target and the text of one encoded row, for people."""

    @abstractmethod
    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the pretrained encoder with a head for this task."""

    @abstractmethod
    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> Callable[[list[dict[str, Any]]], "dict[str, Tensor]"]:
        """Return the function that pads rows into a batch, if `compiled` to few lengths; `seed` is of random masks."""

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return one loss a row, shape (rows,); raise ConfigError without `Output.ROW_LOSS`."""
        raise ConfigError(f"{self.name} has no loss of a row.")

    def predictions(self, logits: "np.ndarray", *, plain: bool = False) -> "np.ndarray":
        """Return class ids, (rows,), or for multi-label 0/1, (rows, classes); `plain` without thresholds and costs."""
        raise ConfigError(f"{self.name} has no classes.")

    def probabilities(self, logits: "np.ndarray") -> "np.ndarray":
        """Return class probabilities, shape (rows, classes)."""
        raise ConfigError(f"{self.name} has no classes.")

    def calibrate(self, logits: "np.ndarray | None", labels: "np.ndarray | None") -> "Calibration | None":
        """Return the change of the logits that calibrates them, by validation rows if any; None for none."""
        return None

    def fit_decision(self, logits: Any, labels: Any, rows: "Dataset | None" = None, *, raw: Any = None) -> None:  # noqa: B027
        """Fit the decision on calibrated outputs, which were `raw`, and references of these encoded rows."""

    def threshold_by_label(self) -> dict[str, float]:
        """Return the thresholds by label name; empty without thresholds."""
        return {}

    @abstractmethod
    def score(
        self, logits: "np.ndarray", labels: "np.ndarray", *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return all metrics of one split.

        Args:
            logits: outputs, shape (rows, …), as `labels`, the references.
            interval: add 95 % bootstrap intervals.
            rows: the encoded rows in the same order, for tasks that score whole documents.
        """

    def gains(self, ours: Predictions, theirs: Predictions) -> dict[str, float]:
        """Return 95 % intervals of differences from another model on the same rows, by name; none by default."""
        return {}

    def errors(self, predictions: Predictions) -> "np.ndarray":
        """Return how wrong each prediction of labelled rows is, shape (rows,), 0 where it is right."""
        raise ConfigError(f"{self.name} predicts neither classes nor numbers.")

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """Yield the lines of predictions of one split, without `split` and `domain`."""
        yield from ()

    def baselines(
        self,
        names: Sequence[str],
        corpora: "Mapping[str, Corpus]",
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Return the scores of baselines on the rows of the model's predictions; `encoded` has the same rows."""
        return {}

    def sections(
        self,
        corpora: "Mapping[str, Corpus]",
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the task's own report sections about the model's predictions."""
        return ()

    def saved_with(self) -> dict[str, str]:
        """Return the models that are saved inside the model's folder, by the name of their folder."""
        return {}

    def settings(self) -> dict[str, Any]:
        """Return the settings that a saved model needs to predict as in training, as JSON holds them."""
        return {}
