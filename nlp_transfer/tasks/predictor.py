"""The contract of predictors: a trained model of any task, and all that predicting with it needs.

A task names its predictor with `Task.predictor_class`; `saved_models.load` finds it by the task's name in the saved
folder. PyTorch or ONNX Runtime computes behind it.
"""

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeAlias, TypeVar

from nlp_transfer.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data import Corpus, CorpusConfig
    from nlp_transfer.models.speed.inference import Network
    from nlp_transfer.tasks.saved_folder import SavedModel

MAX_TOKENS = 8192
"""Default number of tokens of a batch, padding counted; a few hundred MiB of activations for a base-sized encoder."""

CPU_MAX_TOKENS = 2048
"""The same on a CPU: a larger batch leaves its caches between operations."""

Logits: TypeAlias = "Sequence[np.ndarray] | np.ndarray"
"""The logits of each text."""

Item = TypeVar("Item")


class Prediction(Protocol):
    """The prediction for one row."""

    @property
    def id(self) -> Any:
        """The row's id."""

    def row(self) -> dict[str, Any]:
        """Return the prediction as JSON holds it."""


@dataclass(frozen=True)
class Evaluated:
    """The scores of a predictor on one split.

    Args:
        metrics: by name.
        baselines: metrics by name of the baseline.
        rows: predictions with their references, as `write_predictions` takes them, without split and domain.
        keys: the keys of a line of predictions, in their order.
    """

    metrics: dict[str, Any]
    baselines: dict[str, dict[str, Any]]
    rows: Iterable[dict[str, Any]]
    keys: Sequence[str]


@dataclass(frozen=True)
class Predictor(ABC):
    """A trained model with all that predicting needs.

    Args:
        model: float32, in evaluation mode, on the device that it runs on; or an exported network.
        tokenizer: the model's.
        max_length: tokens that the model reads at once.
        origin: where it was loaded from.

    Attributes:
        task: the name of the task that it was trained for.
        text_column: the column of a row's text in a file; also what a file of plain text holds, see `InputReader`.
        references: the columns of a corpus that it is scored by, of which one is enough.
        references_noun: what these are called in messages.
    """

    task: ClassVar[str]
    text_column: ClassVar[str] = "text"
    references: ClassVar[tuple[str, ...]]
    references_noun: ClassVar[str]

    model: "Network"
    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    origin: str

    @classmethod
    @abstractmethod
    def from_saved(cls, saved: "SavedModel") -> Self:
        """Load the predictor from its folder.

        Raises:
            CheckpointError: the folder holds no model of this task.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what a saved model records for predicting, as `FittedTask.settings` does."""

    def with_options(self) -> Self:
        """Return the same predictor with other options; a subclass names its own as keyword arguments.

        Raises:
            ConfigError: an option has a value that it cannot have.
        """
        return self

    @classmethod
    def check_options(cls, names: Iterable[str]) -> None:
        """Check that the predictor has options of these names; raise ConfigError with those that it has."""
        parameters = list(inspect.signature(cls.with_options).parameters.values())[1:]
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return
        known = [parameter.name for parameter in parameters]
        if unknown := [name for name in names if name not in known]:
            raise ConfigError(
                [f"{did_you_mean('option', name, known)} They are those of {cls.task}." for name in unknown]
            )

    def configured(self, options: Mapping[str, Any]) -> Self:
        """Return the predictor with options by name; see `check_options` and `with_options`."""
        self.check_options(options)
        return self.with_options(**options)

    def predict(
        self, rows: Iterable[tuple[Any, Any]], *, max_tokens: int | None = None, **options: Any
    ) -> Iterator[Prediction]:
        """Predict rows in their order, a window of them at a time.

        Args:
            rows: (id, text) pairs.
            max_tokens: tokens of a batch, padding counted; None suits the device.
            options: see `with_options`.

        Raises:
            ConfigError: an unknown option, or a value that it cannot have.
            DataError: what `rows` raises, once the rows before it are predicted.
            CheckpointError: the model's outputs are not finite.
        """
        return self.configured(options).predictions(rows, max_tokens)

    @abstractmethod
    def predictions(self, rows: Iterable[tuple[Any, Any]], max_tokens: int | None = None) -> Iterator[Prediction]:
        """Predict rows with the options that are set; see `predict`."""

    @abstractmethod
    def load_corpus(self, config: "CorpusConfig") -> "Corpus":
        """Load a corpus with the labels that the model knows.

        Raises:
            DataError: the corpus does not fit the model.
        """

    @abstractmethod
    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split of a corpus that `load_corpus` loaded, with the options that are set.

        Args:
            dataset: the split; it has one of the columns `references`.
            max_tokens: see `predict`.

        Raises:
            CheckpointError: the model's outputs are not finite.
        """

    def batch_tokens(self, max_tokens: int | None) -> int:
        """Return the tokens of a batch: `max_tokens`, or the default of the model's device."""
        if max_tokens is not None:
            return max_tokens
        return CPU_MAX_TOKENS if self.model.device.type == "cpu" else MAX_TOKENS

    def to(self, device: "torch.device") -> Self:
        """Move the networks to a device, and return the predictor."""
        network: Any = self.model
        network.to(device)
        return self


class ExportablePredictor(Predictor):
    """A predictor whose network gives logits, so that it can be exported to ONNX and compared."""

    @abstractmethod
    def example_batch(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        """Return a batch of two short rows, from which an exporter learns the shape of inputs."""

    @abstractmethod
    def text_logits(self, texts: Sequence[str], *, max_tokens: int | None = None) -> "Logits":
        """Return the logits of each text; float32 or float64."""

    @abstractmethod
    def decisions(self, texts: Sequence[str], logits: "Logits") -> list[Any]:
        """Return the decision on each text, comparable by `==`."""


def progress(items: Iterable[Item], *, shown: bool = True) -> Iterable[Item]:
    """Return the items; count them on standard error where that is a terminal.

    Args:
        items: any.
        shown: count although standard output is a terminal too, where the count could disturb what it shows.
    """
    from tqdm import tqdm

    hidden = not sys.stderr.isatty() or (sys.stdout.isatty() and not shown)
    return tqdm(items, unit=" texts", disable=hidden, mininterval=0.5)
