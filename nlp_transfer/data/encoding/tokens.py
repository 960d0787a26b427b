"""Tokens of a split, made once: cached on disk by content and settings, then memory-mapped.

A fast tokenizer's own threads use all cores on each batch; on two cores that is within 15 % of two worker processes,
and needs no fork. The cache's key holds the corpus's fingerprint, the rows' ids and labels, the tokenizer and the
length.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import Dataset, Features, List, Value

from nlp_transfer.data.cache import cache_path, clear_abandoned, load_table, write_errors
from nlp_transfer.errors import DataError
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase


IGNORE_INDEX = -100
"""The label that PyTorch's cross-entropy leaves out of its mean."""


def encode_texts(
    dataset: Dataset,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_length: int,
    fingerprint: str,
    keep: tuple[str, ...] = (),
    num_labels: int | None = None,
    description: str = "Tokenising",
) -> Dataset:
    """Encode the texts of one split.

    Args:
        dataset: columns `id`, `text` and perhaps `label` (class ids) or `labels` (lists of them).
        tokenizer: of the encoder.
        max_length: tokens a row at most, special tokens counted; longer texts are cut at their end.
        fingerprint: of the corpus; part of the cache's key.
        keep: further columns to keep.
        num_labels: how many classes a multi-label corpus has; None reads it from the column.
        description: what the progress bar says.

    Returns:
        One row a text, in order: `id`, the columns of `keep`, `input_ids` and `attention_mask` (not padded), `length`
        (tokens), `text_length` (tokens of the whole text), `truncated` (whether the text was longer), and `labels`
        where there are labels: an int, or for multi-label a list of `num_labels` floats, 1.0 for the row's classes.

    Raises:
        DataError: a column of `keep` is missing, or the cache cannot be written.
    """
    missing = [column for column in keep if column not in dataset.column_names]
    if missing:
        raise DataError(f"There is no column {missing[0]!r} to keep; columns: {', '.join(dataset.column_names)}.")
    label = next((name for name in ("label", "labels") if name in dataset.column_names), None)
    classes = 0
    if label == "labels":
        classes = num_labels or len(dataset.features["labels"].feature.names)
    kept = ["id", *(column for column in keep if column not in ("id", "label", "labels"))]
    settings = [max_length, kept, label, classes, fingerprint, tokenizer_digest(tokenizer)]
    path = cache_path("tokens", cache_key(rows_digest(dataset, [*kept, label] if label else kept), settings))
    cached = load_table(path, len(dataset))
    if cached is not None:
        return cached
    features = {column: dataset.features[column] for column in kept}
    features |= {"input_ids": List(Value("int32")), "attention_mask": List(Value("int8"))}
    features |= {"length": Value("int32"), "text_length": Value("int32"), "truncated": Value("bool")}
    if label:
        features["labels"] = List(Value("float32")) if label == "labels" else Value("int64")
    columns = list(dict.fromkeys(["text", *kept, *([label] if label else [])]))
    encode = partial(_encode_batch, encoder=_Encoder(tokenizer, max_length), kept=kept, label=label, classes=classes)
    encoded = map_to_cache(path, dataset.select_columns(columns), encode, features, description)
    forget_last_call(tokenizer)
    return encoded


def map_to_cache(
    path: Path,
    dataset: Dataset,
    encode: Callable[..., Any],
    features: dict[str, Any],
    description: str,
    batch_size: int = 1000,
) -> Dataset:
    """What `encode` makes of batches of all columns, in an Arrow file of the cache.

    Args:
        path: from `cache_path`.
        dataset: the rows; none of their columns stays.
        encode: takes a batch by column, and gives one.
        features: of what it gives.
        description: what the progress bar says.
        batch_size: rows of a batch.

    Raises:
        DataError: the file cannot be written.
    """
    clear_abandoned(path.parent)
    with write_errors(path):
        encoded = dataset.map(
            encode,
            batched=True,
            batch_size=batch_size,
            remove_columns=dataset.column_names,
            features=Features(features),
            cache_file_name=str(path),
            load_from_cache_file=False,
            new_fingerprint=path.stem[:32],
            desc=description,
        )
        if path.exists():  # not for no rows; datasets gives it the permissions of the umask
            path.chmod(0o600)
        return encoded


def forget_last_call(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Take the truncation and padding of its last call out of a fast tokenizer.

    It would save them in its tokenizer.json, which then differs between a run that encoded its texts and one that found
    them in the cache.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()


@dataclass(frozen=True)
class _Encoder:
    """A tokenizer with its settings."""

    tokenizer: "PreTrainedTokenizerBase"
    max_length: int

    def __call__(self, texts: list[str]) -> tuple[list[list[int]], list[list[int]], list[int]]:
        """Ids, attention mask, and tokens of each whole text."""
        encoded = self.tokenizer(texts, truncation=True, max_length=self.max_length, return_token_type_ids=False)
        return encoded["input_ids"], encoded["attention_mask"], untruncated_lengths(self.tokenizer, texts, encoded)


def untruncated_lengths(tokenizer: "PreTrainedTokenizerBase", texts: list[str], encoded: "BatchEncoding") -> list[int]:
    """Return how many tokens each text has, special ones included.

    Args:
        tokenizer: that encoded the texts.
        texts: the texts.
        encoded: what it made of them, truncated.
    """
    if not tokenizer.is_fast:
        return [len(ids) for ids in tokenizer(texts, truncation=False, verbose=False)["input_ids"]]
    special = tokenizer.num_special_tokens_to_add()
    return [
        len(encoding.ids) + sum(len(rest.ids) - special for rest in encoding.overflowing)
        for encoding in encoded.encodings or []
    ]


def _encode_batch(
    batch: dict[str, list[Any]], *, encoder: _Encoder, kept: list[str], label: str | None, classes: int
) -> dict[str, Any]:
    """One batch of rows."""
    ids, mask, whole = encoder(batch["text"])
    lengths = [len(row) for row in ids]
    columns: dict[str, Any] = {name: batch[name] for name in kept}
    columns |= {"input_ids": ids, "attention_mask": mask, "length": lengths, "text_length": whole}
    columns["truncated"] = [read < all_tokens for read, all_tokens in zip(lengths, whole, strict=True)]
    if label == "label":
        columns["labels"] = batch["label"]
    elif label == "labels":
        columns["labels"] = [multi_hot(row, classes) for row in batch["labels"]]
    return columns


def multi_hot(labels: list[int], classes: int) -> list[float]:
    """1.0 for each of a row's classes, 0.0 for the others; length `classes`."""
    row = [0.0] * classes
    for label in labels:
        row[label] = 1.0
    return row


def tokenizer_digest(tokenizer: "PreTrainedTokenizerBase") -> str:
    """SHA-256 (hex) of all that decides what a tokenizer makes of a text."""
    if tokenizer.is_fast:
        rules = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]  # fast tokenizers have it
        rules["truncation"] = rules["padding"] = None  # what the last call left behind
    else:
        rules = [sorted(tokenizer.get_vocab().items()), repr(sorted(tokenizer.init_kwargs.items(), key=str))]
    special = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
    parts = [type(tokenizer).__name__, special, tokenizer.padding_side, tokenizer.truncation_side, rules]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def rows_digest(dataset: Dataset, columns: list[str]) -> str:
    """SHA-256 (hex) of which rows these are, and of what is kept of them."""
    digest = hashlib.sha256(str(dataset.features).encode())
    for batch in dataset.select_columns(columns).iter(1000):
        digest.update(json.dumps([batch[column] for column in columns], default=str).encode())
    return digest.hexdigest()
