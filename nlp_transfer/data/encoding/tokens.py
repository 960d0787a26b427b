"""Tokenize a split once: cached on disk by content and settings, then memory-mapped."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from datasets import Dataset, Features, List, Value

from nlp_transfer.data.cache import cache_path, clear_abandoned, load_table, write_errors, write_row_count
from nlp_transfer.data.corpus import SECOND, VALUES, class_names, label_column
from nlp_transfer.data.encoding.document_windows import WindowEncoder
from nlp_transfer.data.encoding.text_pairs import LongSecondText, PairEncoder
from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.errors import DataError
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase


IGNORE_INDEX = -100
"""Label that PyTorch's cross-entropy ignores."""


def encode_texts(
    dataset: Dataset,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_length: int,
    fingerprint: str,
    keep: tuple[str, ...] = (),
    numbers: Sequence[str] = (),
    windows: WindowEncoder | PairEncoder | None = None,
) -> Dataset:
    """Encode the texts of one split.

    Args:
        dataset: columns `id`, `text`, of pairs `second`, and optionally `label` (class ids) or `labels` (their lists).
        max_length: maximum number of tokens of a row, with special tokens; longer texts are truncated.
        numbers: names of the numbers of a row that are its labels, of column `values`.
        windows: reads long texts as windows instead of truncating them, or pairs of texts.

    Returns:
        One row a text: `id`, the columns of `keep`, `input_ids`, `attention_mask`, `length` (tokens), `text_length`
        (tokens before truncation), `read` (the number of them that are read), `truncated`, with `windows` also those
        that it makes (see `DocumentTokens`), and `labels`: an int; multi-hot floats, shape (classes,); or numbers.

    Raises:
        DataError: a second text leaves no room for the first.
    """
    if missing := set(keep) - set(dataset.column_names):
        raise DataError(f"There is no column {min(missing)!r} to keep; columns: {', '.join(dataset.column_names)}.")
    label = VALUES if numbers else label_column(dataset.column_names)
    classes = len(class_names(dataset)) if label == "labels" else 0
    kept = ["id", *(column for column in keep if column not in ("id", "label", "labels"))]
    settings = [max_length, kept, label, classes or list(numbers), fingerprint, tokenizer_digest(tokenizer)]
    made = windows.made if windows is not None else ()
    settings += [*made, windows.overlap, windows.max_windows] if windows is not None else ["read"]
    key = cache_key(rows_digest(dataset, [*kept, label] if label else kept), settings)
    features = {column: dataset.features[column] for column in kept}
    features |= {"input_ids": List(Value("int32")), "attention_mask": List(Value("int8"))}
    features |= {name: Value("int32") for name in ("length", "text_length", "read")} | {"truncated": Value("bool")}
    features |= {name: List(Value("int32")) for name in made}
    if label:
        kinds = {"label": Value("int64"), "labels": List(Value("float32")), VALUES: List(Value("float64"))}
        features["labels"] = kinds[label]
    texts = ["text", *([SECOND] if isinstance(windows, PairEncoder) else [])]
    columns = list(dict.fromkeys([*texts, *kept, *([label] if label else [])]))
    read = (
        windows.columns
        if windows is not None
        else partial(truncated_columns, tokenizer=tokenizer, max_length=max_length)
    )
    encode = partial(_encode_batch, read=read, kept=kept, label=label, classes=classes, numbers=numbers)
    return map_to_cache(key, dataset.select_columns(columns), encode, features, tokenizer)


def map_to_cache(
    key: str,
    dataset: Dataset,
    encode: Callable[..., Any],
    features: dict[str, Any],
    tokenizer: Any,
    batch_size: int = 1000,
) -> Dataset:
    """Return the rows that `encode` makes of batches by a tokenizer or an image processor, from the cache if there."""
    path = cache_path("tokens", key)
    if (cached := load_table(path)) is not None:
        return cached
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
            desc="Encoding",
        )
        if path.exists():  # not for no rows; datasets gives it the permissions of the umask
            path.chmod(0o600)
            write_row_count(path, len(encoded))
    forget_last_call(tokenizer)
    return encoded


def forget_last_call(tokenizer: Any) -> None:
    """Remove the truncation and padding of its last call from a fast tokenizer.

    They would be saved in tokenizer.json, which then depends on whether the texts came from the cache.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()


def untruncated_lengths(tokenizer: "PreTrainedTokenizerBase", texts: list[str], encoded: "BatchEncoding") -> list[int]:
    """Return the number of tokens of each text before truncation, with special tokens."""
    if not tokenizer.is_fast:
        return [len(ids) for ids in tokenizer(texts, truncation=False, verbose=False)["input_ids"]]
    special = tokenizer.num_special_tokens_to_add()
    return [
        len(encoding.ids) + sum(len(rest.ids) - special for rest in encoding.overflowing)
        for encoding in encoded.encodings or []
    ]


def _encode_batch(
    batch: dict[str, list[Any]],
    *,
    read: Callable[[list[Any]], dict[str, Any]],
    kept: list[str],
    label: str | None,
    classes: int,
    numbers: Sequence[str] = (),
) -> dict[str, Any]:
    """Encode one batch of rows."""
    try:
        made = read(row_inputs(batch))
    except LongSecondText as error:
        raise DataError(
            f"Row {batch['id'][error.place]!r}: {error}. Raise task.max_length, or shorten the text."
        ) from error
    columns: dict[str, Any] = {name: batch[name] for name in kept} | made
    columns.pop("spans", None)
    columns["attention_mask"] = [[1] * len(row) for row in columns["input_ids"]]
    columns["length"] = [len(row) for row in columns["input_ids"]]
    columns["truncated"] = [n < all_n for n, all_n in zip(columns["read"], columns["text_length"], strict=True)]
    if label == VALUES:
        columns["labels"] = [[row[name] for name in numbers] for row in batch[VALUES]]
    elif label:
        columns["labels"] = class_labels(batch, label, classes)
    return columns


def class_labels(batch: dict[str, list[Any]], label: str, classes: int) -> list[Any]:
    """Return the labels of a batch: class ids of column `label`, or multi-hot floats of column `labels`."""
    return batch[label] if label == "label" else [multi_hot(row, classes) for row in batch[label]]


def truncated_columns(
    texts: Sequence[str], *, tokenizer: "PreTrainedTokenizerBase", max_length: int
) -> dict[str, list[Any]]:
    """Return the columns `input_ids`, `text_length` and `read` of texts cut at `max_length` tokens."""
    texts = list(texts)
    encoded = tokenizer(texts, truncation=True, max_length=max_length, return_token_type_ids=False)
    whole = untruncated_lengths(tokenizer, texts, encoded)
    ids = encoded["input_ids"]
    return {"input_ids": ids, "text_length": whole, "read": [len(row) for row in ids]}


def multi_hot(labels: list[int], classes: int) -> list[float]:
    """Return 1.0 for each of a row's classes, 0.0 for the others; shape (classes,).

    Example:
        >>> multi_hot([0, 2], 3)
        [1.0, 0.0, 1.0]
    """
    row = [0.0] * classes
    for label in labels:
        row[label] = 1.0
    return row


def tokenizer_digest(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Return the SHA-256 (hex) of all settings that determine a tokenizer's output."""
    if tokenizer.is_fast:
        rules = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]  # fast tokenizers have it
        rules["truncation"] = rules["padding"] = None  # what the last call left behind
    else:
        rules = [sorted(tokenizer.get_vocab().items()), repr(sorted(tokenizer.init_kwargs.items(), key=str))]
    special = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
    parts = [type(tokenizer).__name__, special, tokenizer.padding_side, tokenizer.truncation_side, rules]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def rows_digest(dataset: Dataset, columns: list[str]) -> str:
    """Return the SHA-256 (hex) of the values of `columns` in all rows."""
    digest = hashlib.sha256(str(dataset.features).encode())
    for batch in dataset.select_columns(columns).iter(1000):
        digest.update(json.dumps([batch[column] for column in columns], default=str).encode())
    return digest.hexdigest()
