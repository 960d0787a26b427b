"""Predict the classes of rows with a trained network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.tasks.classification.class_prediction import ClassPrediction
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.predictor import ExportablePredictor, Logits
from nlp_transfer.tasks.saved_folder import run_label_separator

KINDS = {True: "any number of labels a row (labels: lists)", False: "one label a row (label)"}
"""The names of multi-label and single-label classification in messages."""


@dataclass(frozen=True)
class ClassificationPredictor(ExportablePredictor):
    """A trained classifier.

    Args:
        decision: what it makes of its logits.
        top_k: number of probabilities of a prediction, the largest first; None has all in the order of the classes.
    """

    references: ClassVar[tuple[str, ...]] = ("label", "labels")
    references_noun: ClassVar[str] = "labels"

    decision: Decision
    top_k: int | None = None

    @classmethod
    def read_record(cls, record: Mapping[str, Any], names: Sequence[str], config: Any) -> dict[str, Any]:
        """Return the decision; without a record, multi-label thresholds are 0.5.

        Args:
            record: of a saved model.
            names: of the network's outputs.
            config: of the network.

        Raises:
            ValueError: the record is damaged.
            CheckpointError: the network is no classifier.
        """
        multi_label = config.problem_type == "multi_label_classification"
        if config.problem_type == "regression" or (config.num_labels == 1 and not multi_label):
            raise CheckpointError(
                f"this model is no classifier: it gives {'a number' if len(names) == 1 else 'numbers'} (regression)."
            )
        return {"decision": Decision.from_record(record, names, multi_label=multi_label)}

    @property
    def label_names(self) -> Sequence[str]:
        """The classes in the order of their ids."""
        return self.decision.label_names

    @property
    def output_names(self) -> Sequence[str]:
        """The classes."""
        return self.label_names

    @property
    def multi_label(self) -> bool:
        """True if a row may have any number of labels."""
        return self.decision.multi_label

    def state(self) -> dict[str, Any]:
        """Return the decision."""
        return self.decision.record()

    def with_options(self, *, top_k: int | None = None) -> Self:
        """Return the classifier with `top_k` probabilities; raise ConfigError if it is less than 1."""
        check_count("top_k", top_k)
        return replace(self, top_k=top_k)

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a table of predictions: what was decided, and the probability of each class."""
        names, decision = pa.list_(pa.string()), self.decision
        columns = {"predicted": names if self.multi_label else pa.string()}
        columns |= {"decision": pa.string()} if decision.accept_from is not None else {}
        columns |= {"set": names} if decision.set_levels is not None else {}
        columns |= {"expected_cost": pa.float64()} if decision.costs is not None else {}
        return columns | {f"probabilities.{name}": pa.float64() for name in self.label_names}

    def described(self, ids: Sequence[Any], logits: np.ndarray) -> Iterator[ClassPrediction]:
        """Yield the prediction of each row by its logits, shape (rows, classes)."""
        probabilities = self.decision.probabilities(logits)
        for row_id, row, made in zip(ids, probabilities.tolist(), self.decision.describe(probabilities), strict=True):
            shown = zip(self.label_names, row, strict=True)
            ranked = shown if self.top_k is None else sorted(shown, key=lambda item: -item[1])[: self.top_k]
            yield ClassPrediction(row_id, probabilities=dict(ranked), **made)

    def decisions(self, texts: Sequence[Any], logits: Logits) -> list[Any]:
        """Return the class id, or the zeros and ones of all labels, of each row."""
        chosen: list[Any] = self.decision.choose(self.decision.probabilities(np.stack(list(logits)))).tolist()
        return chosen

    def load_corpus(self, config: CorpusConfig) -> Corpus:
        """Load a corpus with the labels of the model, written as those of the run were."""
        config = replace(config, label_separator=config.label_separator or run_label_separator(Path(self.origin)))
        names = list(self.label_names)
        options: dict[str, Any] = {"label_names": names, "labeled": True, "run_columns": self.run_columns}
        corpus = load_corpus(config, key="corpus", kind=self.kind, **options)
        if self.multi_label == corpus.multi_label:
            return corpus
        ours, theirs = KINDS[self.multi_label], KINDS[corpus.multi_label]
        raise DataError(f"{corpus.origin} has {theirs}, but {self.origin} predicts {ours}.")


def check_count(name: str, value: Any) -> None:
    """Raise ConfigError for an option that is neither None nor a whole number of at least 1."""
    if value is not None and (type(value) is not int or value < 1):
        raise ConfigError(f"{name} (--{name}) is {value!r}; expected a whole number of at least 1.")
