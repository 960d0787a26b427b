"""Sort texts, or pairs of them, into classes: classification by a network that reads texts of any length."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.data.encoding.token_frequencies import TokenFrequencies
from nlp_transfer.tasks.base import DomainPredictions
from nlp_transfer.tasks.blocks import Block, Section
from nlp_transfer.tasks.classification.task import Classification, FittedClassification
from nlp_transfer.tasks.reading.task import FittedReadingTask, ReadingTask

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference


@dataclass(frozen=True)
class TextClassification(Classification, ReadingTask):
    """The settings of a task that sorts texts, or pairs of them, into classes."""

    def input_problems(self) -> list[str]:
        """Return a sentence for each bad value of the settings of reading."""
        return self.reading_problems()


class FittedTextClassification(FittedClassification, FittedReadingTask):
    """A task that sorts texts into classes and has read its corpus; raises DataError for one without labels."""

    config: TextClassification

    def __init__(self, config: TextClassification, corpus: Corpus) -> None:
        super().__init__(config, corpus)
        self._reference: ModelReference | None = None

    def settings(self) -> dict[str, Any]:
        """Return the length and the decision."""
        return {"max_length": self.max_length, **self.windows.record(), **super().settings()}

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the labels and the text of one row."""
        return self.labels_of(row), str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with a classification head."""
        self._reference = reference
        return super().build_model(reference)

    def fit_decision(
        self, logits: np.ndarray, labels: np.ndarray | None, rows: "Dataset | None" = None, *, raw: Any = None
    ) -> None:
        """Fit the decision, which keeps the most frequent tokens of its texts."""
        super().fit_decision(logits, labels, rows, raw=raw)
        if labels is not None and rows is not None:
            known = TokenFrequencies.of(rows["input_ids"]).most_frequent()
            self.decision = replace(self.decision, frequencies=known)

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the sections about the decision, and about long documents."""
        from nlp_transfer.tasks.classification.length_section import length_section

        long = length_section(self.windows, self.decision, predictions, encoded, self.baseline_predictions)
        return (*super().sections(corpora, predictions, encoded), *([long] if long is not None else []))

    def decision_blocks(self, encoded: "Mapping[str, Mapping[str, Dataset]]") -> Iterator[Block]:
        """Yield whether the decision may hold for the target's texts."""
        from nlp_transfer.tasks.classification.sections import shift_blocks

        yield from shift_blocks(self.decision, encoded)
