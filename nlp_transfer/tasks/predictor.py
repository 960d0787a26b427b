"""Define the contract of predictors: a trained model of any task, computed by PyTorch or ONNX Runtime."""

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeAlias, overload

from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.text_rows import BadText, TextRows, row_windows, text_rows
from nlp_transfer.data.validation.row_kinds import TEXTS
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.progress import Item, counted
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.saved_folder import run_columns

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import torch
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus, CorpusConfig
    from nlp_transfer.models.speed.inference import Network
    from nlp_transfer.tasks.saved_folder import SavedModel

Logits: TypeAlias = "Sequence[np.ndarray] | np.ndarray"
"""The logits of each text."""


class Prediction(Protocol):
    """The prediction for one row."""

    @property
    def id(self) -> Any:
        """The id of the row."""

    def row(self) -> dict[str, Any]:
        """Return the prediction as JSON holds it."""


@dataclass(frozen=True)
class NoPrediction:
    """Stand for the prediction of a text that cannot be read."""

    id: Any
    problem: str

    def row(self) -> dict[str, Any]:
        """Return the id and the problem."""
        return dict(vars(self))


@dataclass(frozen=True)
class Evaluated:
    """Hold what an evaluation reports.

    Args:
        metrics: of the model.
        baselines: metrics by baseline.
        rows: lines of predictions, without `split` and `domain`.
        keys: of a line, in their order.
        sections: of the report, beside the scores.
    """

    metrics: dict[str, Any]
    baselines: dict[str, dict[str, Any]]
    rows: Iterable[dict[str, Any]]
    keys: Sequence[str]
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class Predictor(ABC):
    """A trained model with all that predicting needs.

    Args:
        model: float32, in evaluation mode, on the device that it runs on; or an exported network.
        tokenizer: of the model; of one of images its processor.
        max_length: maximum number of tokens that the model reads at once.
        origin: folder from which it was loaded.

    Attributes:
        task: name of its task.
        kind: name of the kind of rows that it reads, from `ROW_KINDS`.
        skips: some texts that are not bad have no prediction, but the reason why.
        references: columns of a corpus that it is scored by; one of them is enough.
        references_noun: word for them in messages.
    """

    task: ClassVar[str]
    kind: ClassVar[str] = TEXTS
    skips: ClassVar[bool] = False
    references: ClassVar[tuple[str, ...]]
    references_noun: ClassVar[str]

    model: "Network" = field(repr=False)
    tokenizer: Any = field(repr=False)
    max_length: int
    origin: str

    @classmethod
    @abstractmethod
    def from_saved(cls, saved: "SavedModel") -> Self:
        """Load the predictor from its folder; raise CheckpointError if it holds no model of this task."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return the settings of a saved model; see `FittedTask.settings`."""

    def with_options(self) -> Self:
        """Return the predictor with other options, which a subclass names; raise ConfigError for bad values."""
        return self

    def with_training(self, corpora: "Mapping[str, Corpus]") -> Self:
        """Return the predictor with what its scores need of the corpora that it learned from, by their domains."""
        return self

    @classmethod
    def check_options(cls, names: Iterable[str], written: Callable[[str], str] = str) -> None:
        """Check the names of options; raise ConfigError with the known ones, each as `written` for the user."""
        parameters = list(inspect.signature(cls.with_options).parameters.values())[1:]
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return
        known = [written(parameter.name) for parameter in parameters]
        if unknown := [written(name) for name in names if written(name) not in known]:
            raise ConfigError(
                [f"{did_you_mean('option', name, known)} They are those of {cls.task}." for name in unknown]
            )

    def configured(self, options: Mapping[str, Any]) -> Self:
        """Return the predictor with options by name; see `check_options` and `with_options`."""
        self.check_options(options)
        return self.with_options(**options)

    @overload
    def predict(  # type: ignore[overload-overlap]  # a collection is an iterable too
        self, rows: Collection[Any], *, max_tokens: int | None = None, **options: Any
    ) -> list[Any]: ...

    @overload
    def predict(self, rows: Iterable[Any], *, max_tokens: int | None = None, **options: Any) -> Iterator[Any]: ...

    def predict(
        self, rows: Iterable[Any], *, max_tokens: int | None = None, **options: Any
    ) -> list[Any] | Iterator[Any]:
        """Predict rows in their order: a list gives a list of predictions, an iterator an iterator.

        Args:
            rows: texts, in a list, a pandas Series, a NumPy array or any other collection; a DataFrame or a
                `datasets.Dataset` with a text column, whose name is `text`, `document` for a summarizer, or that of the
                training; or an iterator, such as a generator, which is read a window at a time. A text may also be an
                (id, text) tuple, else its id is the column `id` or its position, from 0. Summarizers take a list of
                sentences for a text, too. Classifiers of pairs take (first, second) or (id, first, second) tuples,
                those of images paths of files or Pillow images.
            max_tokens: tokens of a batch, padding counted; None suits the device.
            options: those of `with_options`.

        Raises:
            ConfigError: an option is unknown, or has a bad value; or one text was given instead of a list.
            DataError: a text is missing, empty or no string.
            CheckpointError: the model's outputs are not finite.
        """
        predictor = self.configured(options)
        if not isinstance(rows, TextRows):
            read = text_rows(rows, self.kind, self.run_columns)
            if isinstance(rows, Collection):
                return list(predictor.predictions(read, max_tokens))
            rows = read
        return predictor.predictions(rows, max_tokens)

    def predictions(self, rows: Iterable[tuple[Any, Any]], max_tokens: int | None = None) -> Iterator[Any]:
        """Yield the prediction of each (id, text), a `NoPrediction` for a `BadText`; warn of texts not read in full."""
        coverage = self.coverage()
        for window in row_windows(rows):
            good = [(row_id, text) for row_id, text in window if not isinstance(text, BadText)]
            predicted = iter(self.predict_window(good, coverage, max_tokens) if good else ())
            for row_id, text in window:
                yield NoPrediction(row_id, text.problem) if isinstance(text, BadText) else next(predicted)
        coverage.log_warnings()

    def coverage(self) -> TokenCoverage:
        """Return the counts of a call of `predict`, from which its warnings are made."""
        return TokenCoverage()

    @abstractmethod
    def columns(self) -> "dict[str, pa.DataType]":
        """Return the columns of a table of predictions, beside `id`: keys of `Prediction.row`, `A.B` if nested."""

    @abstractmethod
    def predict_window(
        self, window: Sequence[tuple[Any, Any]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterable[Prediction]:
        """Predict rows that are in memory together, in their order, and count their tokens."""

    @abstractmethod
    def load_corpus(self, config: "CorpusConfig") -> "Corpus":
        """Load a corpus with references; raise DataError if it does not fit the model."""

    @abstractmethod
    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split of a corpus of `load_corpus`, which has one of the columns `references`."""

    def batch_tokens(self, max_tokens: int | None) -> int:
        """Return the tokens of a batch: `max_tokens`, or the default of the model's device."""
        from nlp_transfer.models.speed.batching import default_batch_tokens

        return default_batch_tokens(self.model.device) if max_tokens is None else max_tokens

    @property
    def run_columns(self) -> dict[str, str]:
        """Return the columns (theirs: ours) of the run that saved the model."""
        return run_columns(Path(self.origin))

    def to(self, device: "torch.device") -> Self:
        """Move the networks to a device, and return the predictor."""
        network: Any = self.model
        network.to(device)
        return self


class ExportablePredictor(Predictor):
    """A predictor whose network gives logits, so that it can be exported, merged and compared."""

    @staticmethod
    def row_of(text: str) -> Any:
        """Return a text as a row of the predictor's kind, to compare networks on."""
        return text

    @abstractmethod
    def example_batch(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        """Return a batch of two short rows, as an example of inputs for an exporter."""

    @abstractmethod
    def text_logits(self, texts: Sequence[str], *, max_tokens: int | None = None) -> "Logits":
        """Return the logits of each text; float32 or float64."""

    @abstractmethod
    def row_logits(self, rows: "Dataset") -> "np.ndarray":
        """Return the logits of encoded rows, as `FittedTask.score` takes them."""

    @abstractmethod
    def decisions(self, texts: Sequence[str], logits: "Logits") -> list[Any]:
        """Return the decision on each text, comparable by `==`."""

    def keeps(self, texts: Sequence[str], expected: "Logits", found: "Logits") -> list[bool]:
        """Return whether each text keeps its prediction where its logits are `found` in place of those expected."""
        return [a == b for a, b in zip(self.decisions(texts, expected), self.decisions(texts, found), strict=True)]


def progress(items: Iterable[Item], *, shown: bool = True) -> Iterator[Item]:
    """Return the items, and show on standard error how many were predicted.

    Args:
        shown: show it even if standard output is a terminal, too.
    """
    return counted(items, "Predicting", unit="rows", quiet=sys.stdout.isatty() and not shown)
