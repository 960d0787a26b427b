"""Compute the logits of texts, or of pairs of texts, of any length.

Windows of rows are sorted by length and split into batches of about as many tokens, which are computed in float32.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.text_rows import dataset_rows, row_windows
from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.activation_cache.window_rows import TYPES, WINDOW_IDS, window_edges
from nlp_transfer.models.heads.document_pooling import WindowLogits
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from nlp_transfer.tasks.predictor import ExportablePredictor, progress
from nlp_transfer.tasks.reading.long_documents import LongDocuments
from nlp_transfer.tasks.saved_folder import UNLIMITED_TOKENS, SavedModel

if TYPE_CHECKING:
    import torch
    from datasets import Dataset


@dataclass(frozen=True)
class ReadingPredictor(ExportablePredictor):
    """A trained network that gives logits of whole texts.

    Args:
        reading: how it reads texts longer than `max_length`.
    """

    reading: LongDocuments

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load the network; without a record, texts are truncated at the tokenizer's limit."""
        from transformers import AutoModelForSequenceClassification

        loaded, names = saved.load_with_names(AutoModelForSequenceClassification, "classifier")
        config, tokenizer, record = loaded.config, loaded.tokenizer, saved.record
        if tokenizer.pad_token_id is None:
            raise CheckpointError(f"{saved.name} has a tokenizer without padding token.")
        max_length = int(record.get("max_length", _longest(config, tokenizer)))
        with saved.record_errors():
            reading = LongDocuments.from_record(record, max_length)
            own = cls.read_record(record, names, config)
        return cls(
            model=loaded.model,
            tokenizer=tokenizer,
            max_length=max_length,
            origin=str(saved.folder),
            reading=reading,
            **own,
        )

    @classmethod
    @abstractmethod
    def read_record(cls, record: Mapping[str, Any], names: Sequence[str], config: Any) -> dict[str, Any]:
        """Return the predictor's own fields, from the record of a saved model.

        Args:
            names: of the network's outputs.
            config: of the network.

        Raises:
            ValueError: the record is damaged.
            CheckpointError: the network is of another kind.
        """

    @property
    @abstractmethod
    def output_names(self) -> Sequence[str]:
        """The names of the logits."""

    def encode(self, rows: Sequence[tuple[Any, Any]], coverage: TokenCoverage) -> dict[str, list[Any]]:
        """Return the columns of encoded (id, text) rows, and count their tokens."""
        encoded = self.reading.columns([text for _, text in rows], self.tokenizer)
        coverage.add(self.tokenizer, rows, *(encoded[name] for name in ("input_ids", "text_length", "read")))
        return encoded

    def split_logits(
        self, dataset: "Dataset", coverage: TokenCoverage, max_tokens: int | None
    ) -> tuple[np.ndarray, dict[str, list[int]]]:
        """Return the logits of a corpus's split, with the tokens that its texts have (`text_length`) and `read`."""
        logits, columns = [], {"text_length": list[int](), "read": list[int]()}
        for window in row_windows(progress(dataset_rows(dataset))):
            encoded = self.encode(window, coverage)
            logits.append(self.row_logits(encoded, max_tokens=max_tokens))
            for name in columns:
                columns[name] += encoded[name]
        return np.concatenate(logits), columns

    def text_logits(self, texts: Sequence[Any], *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of texts; float32, shape (texts, outputs)."""
        return self.row_logits(self.encode(list(enumerate(texts)), TokenCoverage()), max_tokens=max_tokens)

    def token_logits(self, rows: Sequence[dict[str, list[int]]], *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of rows of `input_ids` and, of pairs, types; raise CheckpointError if not finite."""
        collate = PaddingCollator(self.tokenizer)
        logits = np.zeros((len(rows), len(self.output_names)), dtype=np.float32)
        with batch_logits(self.model, len(rows)) as logits_of:
            for batch in token_budget_batches([len(row["input_ids"]) for row in rows], self.batch_tokens(max_tokens)):
                logits[batch] = logits_of(collate([rows[index] for index in batch]))
        check_finite(logits, self.origin)
        return logits

    def row_logits(self, rows: "Dataset | Mapping[str, Sequence[Any]]", *, max_tokens: int | None = None) -> np.ndarray:
        """Return the logits of encoded rows, or of columns of them; float32, shape (rows, outputs)."""
        if not self.reading.in_windows:
            return self.token_logits(list(token_rows(rows)), max_tokens=max_tokens)
        return self.window_logits(rows, max_tokens).pooled(self.reading.pooling)

    def window_logits(self, rows: "Dataset | Mapping[str, Sequence[Any]]", max_tokens: int | None) -> WindowLogits:
        """Return the logits of the windows of encoded rows."""
        edges = [window_edges(window_ids) for window_ids in rows[WINDOW_IDS]]
        windows = [
            {name: values[a:b] for name, values in row.items()}
            for row, (spans, _) in zip(token_rows(rows), edges, strict=True)
            for a, b in spans
        ]
        counts = [np.array(of_windows) for _, of_windows in edges]
        return WindowLogits(self.token_logits(windows, max_tokens=max_tokens), counts)

    def example_batch(self, texts: Sequence[Any]) -> "dict[str, torch.Tensor]":
        """Return a batch of two texts."""
        encoded = self.tokenizer(
            list(texts[:2]), truncation=True, max_length=self.max_length, return_token_type_ids=False
        )
        return PaddingCollator(self.tokenizer)([{"input_ids": ids} for ids in encoded["input_ids"]])


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
