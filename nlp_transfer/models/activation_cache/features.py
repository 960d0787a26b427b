"""Compute the features on which heads are fitted, in one pass of a frozen encoder.

Features larger than `MAX_MEMORY_BYTES` are memory-mapped from a temporary file. With a store
(models/activation_cache/store.py), features of this and other runs are reused.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.distributed import get_rank, is_initialized
from transformers import PreTrainedModel

from nlp_transfer.files import cache_key
from nlp_transfer.models.activation_cache.digests import PIXELS, row_digests
from nlp_transfer.models.activation_cache.entry import Entry
from nlp_transfer.models.activation_cache.frozen import encoder_identity
from nlp_transfer.models.activation_cache.store import ActivationStore, NotStoredError
from nlp_transfer.models.activation_cache.window_rows import WINDOW_IDS, WindowRows
from nlp_transfer.models.families import final_linear
from nlp_transfer.models.heads.document_pooling import MEANS, pool
from nlp_transfer.models.heads.pooling import OWN, available_layers, head_inputs, pooled_features
from nlp_transfer.models.heads.window_features import Features, WindowFeatures
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.fast_linear import fast_linear
from nlp_transfer.progress import stage_bar

COLUMNS = ("input_ids", "attention_mask", "token_type_ids", WINDOW_IDS, PIXELS, "labels", "label", "label_ids")
"""Columns that a collator gets: those that a model or a loss reads."""

MAX_MEMORY_BYTES = 2 * 2**30
"""Size from which features are memory-mapped."""

Collate = Callable[[list[dict[str, Any]]], dict[str, Tensor]]


@dataclass(frozen=True)
class EncodedRows:
    """Hold the features of every row, in the dataset's order.

    Args:
        features: by (layer, pooling), float32, shape (rows, hidden) or (windows, hidden) each.
        stored_bytes: size of the features in the store.
        computed: number of (layer, pooling) that were computed now.
        not_stored: reason why computed features are not in the store, if there is one.
        windows: the document and the number of tokens of each window, and the pooling of their logits, where features
            are of windows.
    """

    features: dict[tuple[int, str], np.ndarray]
    labels: Tensor
    stored_bytes: int = 0
    computed: int = 0
    not_stored: str | None = None
    windows: tuple[Tensor, Tensor, str] | None = None

    def of(self, layer: int, pooling: str) -> Features:
        """Return the features of a layer, pooled over tokens."""
        values = torch.from_numpy(self.features[layer, pooling])
        return values if self.windows is None else WindowFeatures(values, *self.windows)

    @classmethod
    def none(cls, layers: Sequence[int], poolings: Sequence[str]) -> Self:
        """Return the features of no rows."""
        nothing = {(layer, pooling): np.empty((0, 0), np.float32) for layer in layers for pooling in poolings}
        return cls(nothing, torch.empty(0))


def hidden_states(
    model: PreTrainedModel,
    dataset: Dataset,
    *,
    collate: Collate,
    max_tokens: int,
    layers: Sequence[int],
    poolings: Sequence[str],
    store: ActivationStore | None = None,
) -> EncodedRows:
    """Return the features of each (layer, pooling) for every row, from one pass or from the store.

    Args:
        model: a classification model; its head is not used, and its mode is restored.
        dataset: encoded rows with `input_ids` and `labels`, optionally `attention_mask` and `length`.
    """
    keys = [(layer, pooling) for layer in layers for pooling in poolings]
    not_stored, digests = None, None
    try:
        digests = row_digests(dataset) if store is not None else None
    except ValueError as error:
        not_stored = str(error)
    if store is None or digests is None:
        features, labels = _compute(model, dataset, keys, collate, max_tokens)
        return EncodedRows(features, labels, computed=len(keys), not_stored=not_stored)
    unique, first = np.unique(digests, return_index=True)
    identity = encoder_identity(model, available_layers(model)[-1], norm=True)
    names = {key: cache_key("features", identity, *key, hashlib.sha256(unique.tobytes()).hexdigest()) for key in keys}
    entries = {key: entry for key in keys if (entry := store.read(names[key])) is not None}
    missing = [key for key in keys if key not in entries]
    if missing:
        features, labels = _compute(model, dataset, missing, collate, max_tokens)
        not_stored = _store({names[key]: features[key] for key in missing}, store, unique, first)
    else:
        features, labels = {}, collated_labels(dataset, collate)
    features |= {key: _in_order(entry, digests) for key, entry in entries.items()}
    width = next(iter(features.values())).shape[1]
    return EncodedRows(
        {key: features[key] for key in keys},
        labels,
        stored_bytes=(len(keys) if not_stored is None else len(entries)) * len(unique) * width * 4,
        computed=len(missing),
        not_stored=not_stored,
    )


def pool_documents(encoded: EncodedRows, rows: Any, pooling: str) -> EncodedRows:
    """Return the features of documents where `rows` are `WindowRows`: their mean or, for `max` and `top_k`, all."""
    if not isinstance(rows, WindowRows):
        return encoded
    documents, counts = torch.from_numpy(rows.documents), torch.from_numpy(rows.counts)
    labels = encoded.labels[torch.from_numpy(np.unique(rows.documents, return_index=True)[1])]
    if pooling not in MEANS:
        return replace(encoded, labels=labels, windows=(documents, counts, pooling))
    features = {
        key: pool(torch.from_numpy(values), documents, counts, pooling, len(labels)).numpy()
        for key, values in encoded.features.items()
    }
    return replace(encoded, features=features, labels=labels)


def _store(
    features: dict[str, np.ndarray], store: ActivationStore, digests: np.ndarray, rows: np.ndarray
) -> str | None:
    """Store the features of the given rows by key; return the reason if they do not fit, else None."""
    try:
        for key, values in features.items():
            with store.writing(key, digests, np.ones(len(digests)), values.shape[1], "float32") as writer:
                for place, row in enumerate(rows):
                    writer.put(place, values[row : row + 1])
    except NotStoredError as error:
        return "; ".join(error.problems)
    return None


def _compute(
    model: PreTrainedModel, dataset: Dataset, keys: list[tuple[int, str]], collate: Collate, max_tokens: int
) -> tuple[dict[tuple[int, str], np.ndarray], Tensor]:
    """Return features by (layer, pooling), and labels, of every row from one pass."""
    own = all(pooling == OWN for _, pooling in keys)
    width = final_linear(model)[1].in_features if own else int(model.config.hidden_size)
    features = {key: _allocate((len(dataset), width), len(keys)) for key in keys}
    labels, order = [], []
    reading: AbstractContextManager[list[Tensor]] = head_inputs(model) if own else nullcontext([])
    with reading as read:
        for rows, batch, output in run_batches(model, dataset, collate, max_tokens, output_hidden_states=not own):
            for layer, pooling in keys:
                with torch.no_grad():
                    if own:
                        pooled = read.pop()
                    else:
                        mask = batch["attention_mask"]
                        pooled = pooled_features(model, output.hidden_states, mask, layer, pooling)
                features[layer, pooling][rows] = pooled.float().cpu().numpy()
            labels.append(batch["labels"].cpu())
            order += rows
    return features, torch.cat(labels)[torch.tensor(order).argsort()]


def collated_labels(dataset: Dataset, collate: Collate) -> Tensor:
    """Return the labels of every row as a collator makes them, shape (rows, …)."""
    parts = [range(start, min(start + 256, len(dataset))) for start in range(0, len(dataset), 256)]
    return torch.cat([make_batch(dataset, rows, collate, torch.device("cpu"))["labels"] for rows in parts])


def _in_order(entry: Entry, digests: np.ndarray) -> np.ndarray:
    places = entry.find(digests)
    assert places is not None  # the digests are part of the entry's key
    rows = _allocate((len(digests), entry.values.shape[1]), 1)
    np.take(entry.values, places, axis=0, out=rows, mode="clip")  # mode="raise" would make a second copy
    return rows


def make_batch(dataset: Dataset, rows: Sequence[int], collate: Collate, device: torch.device) -> dict[str, Tensor]:
    """Return the collated rows on a device; those of tokens with an attention mask."""
    some = [dataset[row] for row in rows]
    made = collate([{name: row[name] for name in COLUMNS if name in row} for row in some])
    batch = {name: value.to(device) for name, value in made.items()}
    if "input_ids" in batch:
        batch.setdefault("attention_mask", torch.ones_like(batch["input_ids"]))
    return batch


def run_batches(
    model: PreTrainedModel, dataset: Dataset, collate: Collate, max_tokens: int, **options: bool
) -> Iterator[tuple[list[int], dict[str, Tensor], Any]]:
    """Yield (row numbers, batch, outputs) of a model without dropout until every row was computed once."""
    known = "length" in getattr(dataset, "column_names", ())
    lengths = list(dataset["length"]) if known else [len(row["input_ids"]) for row in dataset]
    was_training = model.training
    model.eval()
    try:
        quiet = is_initialized() and get_rank() > 0
        with stage_bar("Encoding", sum(lengths), unit="tokens", quiet=quiet) as progress:
            for rows in token_budget_batches(lengths, max_tokens):
                batch = make_batch(dataset, rows, collate, model.device)
                inputs = {name: value for name, value in batch.items() if name != "labels"}
                with torch.no_grad(), fast_linear(model):
                    output = model(**inputs, **options)
                yield rows, batch, output
                progress.update(sum(lengths[row] for row in rows))
    finally:
        model.train(was_training)


def _allocate(shape: tuple[int, int], count: int) -> np.ndarray:
    """Return a float32 array, one of `count` that are made together."""
    if count * shape[0] * shape[1] * 4 <= MAX_MEMORY_BYTES:
        return np.empty(shape, dtype=np.float32)
    with tempfile.TemporaryFile() as file:  # the mapping keeps the nameless file alive, and frees it when it goes
        return np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
