"""Predict the classes of texts, in bounded memory and in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.models.heads.document_pooling import WindowLogits
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.classification.baselines import label_array
from nlp_transfer.tasks.classification.class_prediction import WINDOWS_TYPE, ClassPrediction
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.predictor import Evaluated, Logits
from nlp_transfer.tasks.reading.predictor import ReadingPredictor
from nlp_transfer.tasks.saved_folder import run_label_separator

if TYPE_CHECKING:
    from datasets import Dataset

KINDS = {True: "any number of labels a text (labels: lists)", False: "one label a text (label)"}
"""The names of multi-label and single-label classification in messages."""


@dataclass(frozen=True)
class ClassificationPredictor(ReadingPredictor):
    """A trained classifier.

    Args:
        decision: what it makes of its logits.
        top_k: number of probabilities of a prediction, the largest first; None has all in the order of the classes.
        windows: number of windows that a prediction names for each class; None names none.
    """

    references: ClassVar[tuple[str, ...]] = ("label", "labels")
    references_noun: ClassVar[str] = "labels"

    decision: Decision
    top_k: int | None = None
    windows: int | None = None

    @classmethod
    def read_record(cls, record: Mapping[str, Any], names: Sequence[str], config: Any) -> dict[str, Any]:
        """Return the decision; without a record, multi-label thresholds are 0.5."""
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
        """True if a text may have any number of labels."""
        return self.decision.multi_label

    def state(self) -> dict[str, Any]:
        """Return the length and the decision."""
        return {"max_length": self.max_length, **self.reading.record(), **self.decision.record()}

    def with_options(self, *, top_k: int | None = None, windows: int | None = None) -> Self:
        """Return the classifier with `top_k` probabilities, and `windows` that decided, for each prediction.

        Raises:
            ConfigError: one of them is less than 1, or the model does not read in windows or has no character offsets.
        """
        for name, value in (("top_k", top_k), ("windows", windows)):
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(f"{name} (--{name}) is {value!r}; expected a whole number of at least 1.")
        if windows is not None and not (self.reading.in_windows and self.tokenizer.is_fast):
            raise ConfigError(
                f"--windows names the windows that decided, and {self.origin} does not read in windows, or has no fast "
                "tokenizer. Leave it out, or train with task.long_documents: windows."
            )
        return replace(self, top_k=top_k, windows=windows)

    def coverage(self) -> TokenCoverage:
        """Return counts that tell texts of another kind than those that the decision was fitted on."""
        return TokenCoverage(known=self.decision.frequencies if self.decision.promises else None)

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a table of predictions: what was decided, and the probability of each class."""
        names, decision = pa.list_(pa.string()), self.decision
        columns = {"predicted": names if self.multi_label else pa.string()}
        columns |= {"decision": pa.string()} if decision.accept_from is not None else {}
        columns |= {"set": names} if decision.set_levels is not None else {}
        columns |= {"expected_cost": pa.float64()} if decision.costs is not None else {}
        columns |= {"windows": WINDOWS_TYPE} if self.windows else {}
        return columns | {f"probabilities.{name}": pa.float64() for name in self.label_names}

    def predict_window(
        self, window: Sequence[tuple[Any, Any]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[Any]:
        """Yield the prediction of each text."""
        encoded = self.encode(window, coverage)
        windows = self.window_logits(encoded, max_tokens) if self.windows else None
        logits = windows.pooled(self.reading.pooling) if windows else self.row_logits(encoded, max_tokens=max_tokens)
        probabilities = self.decision.probabilities(logits)
        for number, (row, made) in enumerate(
            zip(probabilities.tolist(), self.decision.describe(probabilities), strict=True)
        ):
            shown = zip(self.label_names, row, strict=True)
            ranked = shown if self.top_k is None else sorted(shown, key=lambda item: -item[1])[: self.top_k]
            if windows is not None:
                made["windows"] = self._evidence(windows.of(number), encoded["spans"][number], made["predicted"])
            yield ClassPrediction(window[number][0], probabilities=dict(ranked), **made)

    def _evidence(
        self, windows: WindowLogits, spans: Sequence[tuple[int, int]], predicted: str | list[str]
    ) -> list[dict[str, Any]]:
        """Return the windows that decided for each predicted class."""
        own = self.decision.probabilities(windows.logits)
        evidence = []
        for name in [predicted] if isinstance(predicted, str) else predicted:
            place = list(self.label_names).index(name)
            deciding = windows.deciding(place, self.reading.pooling, multi_label=self.multi_label)
            for window, weight, contribution in deciding[: self.windows]:
                numbers = {"weight": weight, "contribution": contribution, "probability": float(own[window, place])}
                rounded = {key: round(value, 6) for key, value in numbers.items()}
                evidence.append({"class": name, "start": spans[window][0], "end": spans[window][1], **rounded})
        return evidence

    def decisions(self, texts: Sequence[Any], logits: Logits) -> list[Any]:
        """Return the class id, or the zeros and ones of all labels, of each text."""
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

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split."""
        from datasets import Dataset

        from nlp_transfer.tasks.classification.evaluation import evaluated

        coverage = self.coverage()
        logits, columns = self.split_logits(dataset, coverage, max_tokens)
        coverage.log_warnings()
        references = label_array(dataset, len(self.label_names), multi_label=self.multi_label)
        scored = Predictions(list(dataset["id"]), logits, references, {})
        rows = Dataset.from_dict({**columns, "labels": references})
        return evaluated(self.decision, self.reading, scored, rows, coverage)
