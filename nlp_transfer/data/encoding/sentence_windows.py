"""Encode documents for an encoder that scores sentences, with a marker token before each sentence.

    [CLS] a sentence [SEP] [CLS] the next one [SEP] …

A document longer than a row becomes several windows, which overlap by whole sentences. Each sentence is scored in one
window, the one with more text around it; in others it is context.
Reference: Liu & Lapata (2019), https://arxiv.org/abs/1908.08345 (markers)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from datasets import Dataset, List, Value

from nlp_transfer.data.encoding.document_windows import split_into_windows
from nlp_transfer.data.encoding.sentences import sentence_spans
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX, map_to_cache, rows_digest, tokenizer_digest
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SPECIAL_TOKENS = 2  # number of special tokens of each sentence

_BATCH_DOCUMENTS = 50

Labeller = Callable[[Sequence[str], str], list[int]]
"""(sentences, summary) -> 1 for each sentence that belongs into an extract, 0 for the others."""


@dataclass(frozen=True)
class DocumentEncoder:
    """Encoder of documents as windows."""

    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    overlap: int

    def encode(self, sentences: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
        """Return the windows of one document, and the number of sentences that were truncated.

        Returns:
            For each window `input_ids`, `markers` (positions of the sentences' markers), `numbers` (of the sentences in
            the document), `scored_from`, `scored_to` and `length`.
        """
        tokenizer, room = self.tokenizer, self.max_length - _SPECIAL_TOKENS
        encoded = tokenizer(
            list(sentences),
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )["input_ids"]
        cut = sum(len(ids) > room for ids in encoded)
        start, end = marker_ids(tokenizer)
        pieces = [[start, *ids[:room], end] for ids in encoded]
        rows = []
        for window in split_into_windows([len(piece) for piece in pieces], self.max_length, self.overlap):
            ids: list[int] = []
            markers = []
            for piece in pieces[window.first : window.last]:
                markers.append(len(ids))
                ids += piece
            rows.append(
                {
                    "input_ids": ids,
                    "markers": markers,
                    "numbers": list(range(window.first, window.last)),
                    "scored_from": window.scored_from,
                    "scored_to": window.scored_to,
                    "length": len(ids),
                }
            )
        return rows, cut


def marker_ids(tokenizer: "PreTrainedTokenizerBase") -> tuple[int | None, int | None]:
    """Return the tokens before and after each sentence; None if the tokenizer lacks one."""
    ids: Any = tokenizer
    return (
        ids.cls_token_id if ids.cls_token_id is not None else ids.bos_token_id,
        ids.sep_token_id if ids.sep_token_id is not None else ids.eos_token_id,
    )


def encode_documents(
    dataset: Dataset,
    encoder: DocumentEncoder,
    *,
    label: Labeller | None,
    by_highlights: bool,
    fingerprint: str,
) -> Dataset:
    """Encode the documents of one split.

    Args:
        label: labels sentences by the summary; None for no labels.
        by_highlights: label by `highlights` instead, if there are any.

    Returns:
        A row a window, in the documents' order: `id` (the document's, with `#2`, `#3`, … for further windows),
        `document` (its number in the split), the columns of `DocumentEncoder.encode`, `starts` and `ends` (the
        sentences' character offsets), and `labels` if there are any: 0 or 1, `IGNORE_INDEX` for context. The first
        window of a document also has `text`, `summary` if there is one, and `cut` (number of truncated sentences).
    """
    by_highlights = by_highlights and "highlights" in dataset.column_names
    label = label if "summary" in dataset.column_names and not by_highlights else None
    labelled = by_highlights or label is not None
    optional = [name for name in ("summary", "highlights") if name in dataset.column_names]
    settings = ["windows", encoder.max_length, encoder.overlap, by_highlights, optional, fingerprint]
    settings.append(getattr(label, "__qualname__", None))
    key = cache_key(rows_digest(dataset, ["id"]), settings, tokenizer_digest(encoder.tokenizer))
    numbers = List(Value("int32"))
    features: dict[str, Any] = dict.fromkeys(("markers", "numbers", "starts", "ends"), numbers)
    features |= {name: Value("int32") for name in ("scored_from", "scored_to", "cut")}
    if labelled:
        features["labels"] = List(Value("int64"))
    encode = partial(_encode_batch, encoder=encoder, label=label, by_highlights=by_highlights)
    return map_windows(key, dataset, optional, encode, features, encoder.tokenizer)


def map_windows(
    key: str,
    dataset: Dataset,
    optional: Sequence[str],
    encode: Callable[..., Any],
    features: dict[str, Any],
    tokenizer: "PreTrainedTokenizerBase",
) -> Dataset:
    """Return the windows that `encode` makes of documents, from the cache if they are there.

    Args:
        optional: columns that are read besides `id`, `text` and `sentence_starts`.
        features: columns besides `input_ids`, `length` and those of `window_fields`.
    """
    shared: dict[str, Any] = {"id": Value("string"), "document": Value("int32"), "input_ids": List(Value("int32"))}
    shared |= {"length": Value("int32"), "text": Value("string")}
    if "summary" in optional:
        shared["summary"] = Value("string")
    rows = dataset.select_columns(["id", "text", "sentence_starts", *optional])
    rows = rows.add_column("row", list(range(len(rows))))
    return map_to_cache(key, rows, encode, shared | features, tokenizer, _BATCH_DOCUMENTS)


def window_fields(batch: dict[str, list[Any]], i: int, number: int) -> dict[str, Any]:
    """Return what a window, counted from 1, has of document i; only the first one has texts."""
    names = ("text", "summary") if "summary" in batch else ("text",)
    row_id = batch["id"][i] if number == 1 else f"{batch['id'][i]}#{number}"
    return {
        "id": row_id,
        "document": batch["row"][i],
        **{name: batch[name][i] if number == 1 else "" for name in names},
    }


def _encode_batch(
    batch: dict[str, list[Any]], *, encoder: DocumentEncoder, label: Labeller | None, by_highlights: bool
) -> dict[str, list[Any]]:
    """Encode one batch of documents."""
    made: dict[str, list[Any]] = {}
    for i, text in enumerate(batch["text"]):
        spans = sentence_spans(text, batch["sentence_starts"][i])
        sentences = [text[first:last] for first, last in spans]
        labels: list[int] | None = None
        if by_highlights:
            labels = highlight_labels(spans, batch["highlights"][i])
        elif label is not None:
            labels = label(sentences, batch["summary"][i])
        windows, cut = encoder.encode(sentences)
        for number, window in enumerate(windows, 1):
            first, last = window["numbers"][0], window["numbers"][-1] + 1
            row = {
                **window_fields(batch, i, number),
                **window,
                "starts": [span[0] for span in spans[first:last]],
                "ends": [span[1] for span in spans[first:last]],
                "cut": cut if number == 1 else 0,
            }
            if labels is not None:  # those of this window
                scored = range(window["scored_from"], window["scored_to"])
                row["labels"] = [labels[n] if n in scored else IGNORE_INDEX for n in window["numbers"]]
            for name, value in row.items():
                made.setdefault(name, []).append(value)
    return made


def highlight_labels(spans: Sequence[tuple[int, int]], offsets: Sequence[int]) -> list[int]:
    """Return 1 for each sentence that highlights mark, 0 for others.

    A passage marks the sentence that holds most of it, and each sentence of which highlights cover at least half.

    Args:
        spans: character offsets of the sentences.
        offsets: start and end of each passage in turn.

    Example:
        >>> highlight_labels([(0, 10), (11, 20)], [2, 8])
        [1, 0]
    """
    covered = np.zeros((len(spans), len(offsets) // 2), dtype=int)
    for column, (start, end) in enumerate(zip(offsets[::2], offsets[1::2], strict=True)):
        for row, (first, last) in enumerate(spans):
            covered[row, column] = max(0, min(end, last) - max(start, first))
    lengths = np.array([last - first for first, last in spans])
    labels = 2 * covered.sum(axis=1) >= lengths
    for column in range(covered.shape[1]):
        most = int(covered[:, column].argmax())
        labels[most] |= covered[most, column] > 0
    return [int(label) for label in labels]
