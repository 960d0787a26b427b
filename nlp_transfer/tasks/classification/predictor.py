"""Predict the classes of texts, in bounded memory and in order.

Windows of rows are sorted by length and split into batches of about as many tokens, which are computed in float32.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.text_rows import dataset_rows, row_windows
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.models.activation_cache.window_rows import TYPES, WINDOW_IDS, window_edges
from nlp_transfer.models.config_values import label_problems
from nlp_transfer.models.heads.document_pooling import WindowLogits
from nlp_transfer.models.onnx.runtime import OnnxNetwork
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.classification.baselines import label_array
from nlp_transfer.tasks.classification.class_prediction import WINDOWS_TYPE, ClassPrediction
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.long_documents import LongDocuments
from nlp_transfer.tasks.predictor import Evaluated, ExportablePredictor, Logits, progress
from nlp_transfer.tasks.saved_folder import UNLIMITED_TOKENS, SavedModel, run_label_separator

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

KINDS = {True: "any number of labels a text (labels: lists)", False: "one label a text (label)"}
"""The names of multi-label and single-label classification in messages."""


@dataclass(frozen=True)
class ClassificationPredictor(ExportablePredictor):
    """A trained classifier.

    Args:
        decision: what it makes of its logits.
        reading: how it reads texts longer than `max_length`.
        top_k: number of probabilities of a prediction, the largest first; None has all in the order of the classes.
        windows: number of windows that a prediction names for each class; None names none.
    """

    references: ClassVar[tuple[str, ...]] = ("label", "labels")
    references_noun: ClassVar[str] = "labels"

    decision: Decision
    reading: LongDocuments
    top_k: int | None = None
    windows: int | None = None

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load a sequence classifier.

        Without a record, texts are truncated at the tokenizer's limit and multi-label thresholds are 0.5.
        """
        from transformers import AutoModelForSequenceClassification

        if problems := list(label_problems(saved.files)):
            raise CheckpointError(problems)
        loaded = saved.load_network(AutoModelForSequenceClassification, "classifier")
        config, tokenizer, record = loaded.config, loaded.tokenizer, saved.record
        multi_label = config.problem_type == "multi_label_classification"
        if config.problem_type == "regression" or (config.num_labels == 1 and not multi_label):
            raise CheckpointError(f"{saved.name} is no classifier: it has one output, a number (regression).")
        if tokenizer.pad_token_id is None:
            raise CheckpointError(f"{saved.name} has a tokenizer without padding token.")
        labels = [config.id2label[i] for i in range(config.num_labels)]
        if isinstance(loaded.model, OnnxNetwork):
            loaded.model.check_outputs(len(labels))
        max_length = int(record.get("max_length", _longest(config, tokenizer)))
        try:
            decision = Decision.from_record(record, labels, multi_label=multi_label)
            reading = LongDocuments.from_record(record, max_length)
        except ValueError as error:
            raise CheckpointError(
                f"{saved.name}: the settings in its config.json cannot be read ({error}). Save the model anew."
            ) from error
        return cls(
            model=loaded.model,
            tokenizer=tokenizer,
            max_length=max_length,
            origin=str(saved.folder),
            decision=decision,
            reading=reading,
        )

    @property
    def label_names(self) -> Sequence[str]:
        """The classes in the order of their ids."""
        return self.decision.label_names

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
        encoded = self._encode(window, coverage)
        windows = self._windows(encoded, max_tokens) if self.windows else None
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

    def _encode(self, rows: Sequence[tuple[Any, Any]], coverage: TokenCoverage) -> dict[str, list[Any]]:
        encoded = self.reading.columns([text for _, text in rows], self.tokenizer)
        coverage.add(self.tokenizer, rows, *(encoded[name] for name in ("input_ids", "text_length", "read")))
        return encoded

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

    def text_logits(self, texts: Sequence[Any], *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of texts; float32, shape (texts, classes)."""
        return self.row_logits(self.reading.columns(texts, self.tokenizer), max_tokens=max_tokens)

    def token_logits(self, rows: Sequence[dict[str, list[int]]], *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of rows of `input_ids` and, of pairs, types; raise CheckpointError if not finite."""
        collate = PaddingCollator(self.tokenizer)
        logits = np.zeros((len(rows), len(self.label_names)), dtype=np.float32)
        with batch_logits(self.model, len(rows)) as logits_of:
            for batch in token_budget_batches([len(row["input_ids"]) for row in rows], self.batch_tokens(max_tokens)):
                logits[batch] = logits_of(collate([rows[index] for index in batch]))
        check_finite(logits, self.origin)
        return logits

    def row_logits(self, rows: "Dataset | Mapping[str, Sequence[Any]]", *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of encoded rows, or of columns of them; float32, shape (rows, classes)."""
        if not self.reading.in_windows:
            return self.token_logits(list(token_rows(rows)), max_tokens=max_tokens)
        return self._windows(rows, max_tokens).pooled(self.reading.pooling)

    def _windows(self, rows: "Dataset | Mapping[str, Sequence[Any]]", max_tokens: int | None) -> WindowLogits:
        edges = [window_edges(window_ids) for window_ids in rows[WINDOW_IDS]]
        windows = [
            {name: values[a:b] for name, values in row.items()}
            for row, (spans, _) in zip(token_rows(rows), edges, strict=True)
            for a, b in spans
        ]
        counts = [np.array(of_windows) for _, of_windows in edges]
        return WindowLogits(self.token_logits(windows, max_tokens=max_tokens), counts)

    def decisions(self, texts: Sequence[Any], logits: Logits) -> list[Any]:
        """Return the class id, or the zeros and ones of all labels, of each text."""
        chosen: list[Any] = self.decision.choose(self.decision.probabilities(np.stack(list(logits)))).tolist()
        return chosen

    def example_batch(self, texts: Sequence[Any]) -> "dict[str, torch.Tensor]":
        """Return a batch of two texts."""
        encoded = self.tokenizer(
            list(texts[:2]), truncation=True, max_length=self.max_length, return_token_type_ids=False
        )
        return PaddingCollator(self.tokenizer)([{"input_ids": ids} for ids in encoded["input_ids"]])

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

        coverage, logits = self.coverage(), []
        columns: dict[str, Any] = {"text_length": [], "read": []}
        for window in row_windows(progress(dataset_rows(dataset))):
            encoded = self._encode(window, coverage)
            logits.append(self.row_logits(encoded, max_tokens=max_tokens))
            for name in columns:
                columns[name] += encoded[name]
        coverage.log_warnings()
        references = label_array(dataset, len(self.label_names), multi_label=self.multi_label)
        scored = Predictions(list(dataset["id"]), np.concatenate(logits), references, {})
        rows = Dataset.from_dict({**columns, "labels": references})
        return evaluated(self.decision, self.reading, scored, rows, coverage)


def token_rows(rows: "Dataset | Mapping[str, Sequence[Any]]") -> Iterator[dict[str, list[int]]]:
    """Yield the tokens of each encoded row, and of pairs their types."""
    known = rows if isinstance(rows, Mapping) else rows.column_names
    names = [name for name in ("input_ids", TYPES) if name in known]
    return (dict(zip(names, values, strict=True)) for values in zip(*(rows[name] for name in names), strict=True))


def _longest(config: Any, tokenizer: Any) -> int:
    """Return the maximum number of tokens of a model without a record."""
    from nlp_transfer.models.loading import max_positions

    positions = max_positions(config) if hasattr(config, "max_position_embeddings") else None
    return min(tokenizer.model_max_length, positions or UNLIMITED_TOKENS)
