"""Convert entities to tags of tokens and back, and encode texts of any length as windows of tagged tokens.

    characters of an entity -> the words that hold them: B-CLASS, then I-CLASS; all other words: O

A word is tagged by its first token (`token_characters.py`); its other tokens have no tag. Windows that overlap are cut
apart in the middle, between sentences: each token counts in one of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from datasets import Dataset, List, Value

from nlp_transfer.data.encoding.document_windows import WindowEncoder, special_tokens
from nlp_transfer.data.encoding.sentence_windows import window_fields
from nlp_transfer.data.encoding.sentences import CharSpan
from nlp_transfer.data.encoding.token_characters import token_characters
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX, map_to_cache, rows_digest, tokenizer_digest
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

OUTSIDE = 0
"""Tag of a token outside of entities."""

_BATCH_DOCUMENTS = 200

_SPANS = ("labels", "span_starts", "span_ends")


def tag_names(label_names: Sequence[str]) -> list[str]:
    """Return the names of the tags in the order of their ids.

    Example:
        >>> tag_names(["DRUG"])
        ['O', 'B-DRUG', 'I-DRUG']
    """
    return ["O", *(f"{prefix}-{name}" for name in label_names for prefix in "BI")]


def tags_of(
    characters: Sequence[CharSpan], starts: Sequence[int], ends: Sequence[int], classes: Sequence[int]
) -> tuple[list[int], int]:
    """Return the tag of each token, and the number of entities that begin or end inside a word.

    Args:
        characters: see `token_characters`.
        starts: the first character of each entity, in order; `ends` and `classes` likewise.

    Example:
        >>> tags_of([(0, 3), (4, 8)], [0], [8], [0])
        ([1, 2], 0)
    """
    tags, inexact = [OUTSIDE] * len(characters), 0
    begins, lasts = np.array(characters, dtype=int).reshape(-1, 2).T
    for start, end, label in zip(starts, ends, classes, strict=True):
        inside = np.flatnonzero((begins < end) & (lasts > start)).tolist()
        free = [place for place in inside if tags[place] == OUTSIDE]
        exact = len(free) == len(inside) > 0 and begins[free[0]] == start and max(lasts[free]) == end
        inexact += not exact
        for place in free:
            tags[place] = 1 + 2 * label + (place != free[0])
    return tags, inexact


def tagged_runs(tags: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield the first token, the one after the last, and the class of each run of valid tags.

    Example:
        >>> list(tagged_runs([0, 1, 2, 1]))
        [(1, 3, 0), (3, 4, 0)]
    """
    first = None
    for place, tag in enumerate([*tags, OUTSIDE]):
        if first is not None and not (tag != OUTSIDE and tag % 2 == 0):
            yield first, place, (tags[first] - 1) // 2
            first = None
        if tag % 2 == 1:
            first = place


def encode_tagged(
    dataset: Dataset,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    max_length: int,
    overlap: int,
    unit: str,
    fingerprint: str,
) -> Dataset:
    """Encode the texts of one split.

    Args:
        dataset: columns `id`, `text` and optionally `labels` (class ids), `span_starts` and `span_ends`.
        max_length: maximum number of tokens of a window, with special tokens.
        overlap: maximum number of tokens that a window repeats of the one before.
        unit: see `token_characters`.

    Returns:
        A row a window, in the texts' order: `id` (the text's, with `#2`, `#3`, … for further windows), `document` (its
        number in the split), `input_ids`, `length`, `starts` and `ends` (see `token_characters`), `counts_from` and
        `counts_to` (the tokens that count here), and `labels` (tags; `IGNORE_INDEX` for tokens that do not count or
        begin no word) if entities are marked. The first window of a text also has its `text`, and of its entities
        `classes`, `span_starts`, `span_ends` and `inexact` (the number of them that begin or end inside a word).
    """
    marked = "labels" in dataset.column_names
    key = cache_key(
        rows_digest(dataset, ["id", *(_SPANS if marked else ())]),
        ["tags", max_length, overlap, unit, fingerprint],
        tokenizer_digest(tokenizer),
    )
    numbers = List(Value("int32"))
    features: dict[str, Any] = {"id": Value("string"), "document": Value("int32"), "text": Value("string")}
    features |= dict.fromkeys(("input_ids", "starts", "ends"), numbers)
    features |= dict.fromkeys(("length", "counts_from", "counts_to"), Value("int32"))
    if marked:
        features |= {"labels": List(Value("int64")), **dict.fromkeys(("classes", "span_starts", "span_ends"), numbers)}
        features["inexact"] = Value("int32")
    rows = dataset.select_columns(["id", "text", *(_SPANS if marked else ())])
    rows = rows.add_column("row", list(range(len(rows))))
    encode = partial(_encode_batch, encoder=WindowEncoder(tokenizer, max_length, overlap), unit=unit)
    return map_to_cache(key, rows, encode, features, tokenizer, _BATCH_DOCUMENTS)


def token_windows(
    text: str,
    ids: Sequence[int],
    offsets: Sequence[CharSpan],
    characters: Sequence[CharSpan],
    encoder: WindowEncoder,
    tags: Sequence[int] | None = None,
) -> list[dict[str, Any]]:
    """Return the windows of one text with those columns of `encode_tagged` that follow from its tokens and their tags.

    Args:
        offsets: of the tokens, as a fast tokenizer gives them.
        characters: see `token_characters`.
    """
    before, after = special_tokens(encoder.tokenizer)
    room, windows = encoder.max_length - len(before) - len(after), []
    for first, last, own in encoder.split(text, len(ids), offsets, room):
        shown = [*[(0, 0)] * len(before), *characters[first:last], *[(0, 0)] * len(after)]
        shift = len(before) - first
        window: dict[str, Any] = {
            "input_ids": [*before, *ids[first:last], *after],
            "length": len(shown),
            "starts": [start for start, _ in shown],
            "ends": [end for _, end in shown],
            "counts_from": own.start + shift,
            "counts_to": own.stop + shift,
        }
        if tags is not None:
            left, right = own.start + shift, len(shown) - own.stop - shift
            counted = [tags[place] if characters[place][1] else IGNORE_INDEX for place in own]
            window["labels"] = [*[IGNORE_INDEX] * left, *counted, *[IGNORE_INDEX] * right]
        windows.append(window)
    return windows


def _encode_batch(batch: dict[str, list[Any]], *, encoder: WindowEncoder, unit: str) -> dict[str, list[Any]]:
    """Encode one batch of texts."""
    made: dict[str, list[Any]] = {}
    encoded = tokenized(batch["text"], encoder.tokenizer)
    for i, (text, ids, offsets) in enumerate(zip(batch["text"], *encoded, strict=True)):
        characters, tags, entities, inexact = token_characters(text, offsets, unit), None, {}, 0
        if "labels" in batch:
            starts, ends, classes = batch["span_starts"][i], batch["span_ends"][i], batch["labels"][i]
            tags, inexact = tags_of(characters, starts, ends, classes)
            entities = {"classes": classes, "span_starts": starts, "span_ends": ends, "inexact": inexact}
        for number, window in enumerate(token_windows(text, ids, offsets, characters, encoder, tags), 1):
            row = {**window_fields(batch, i, number), **window}
            row |= entities if number == 1 else {name: 0 if name == "inexact" else [] for name in entities}
            for name, value in row.items():
                made.setdefault(name, []).append(value)
    return made


def tagged_places(window: Mapping[str, Any]) -> list[int]:
    """Return the tokens of a window that have a tag: they count there, and begin a word."""
    return [place for place in range(window["counts_from"], window["counts_to"]) if window["ends"][place]]


def tokenized(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase"
) -> tuple[list[list[int]], list[Sequence[CharSpan]]]:
    """Return the tokens of each text and their characters, without special tokens."""
    options: dict[str, Any] = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
    encoded = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, **options)
    return encoded["input_ids"], encoded["offset_mapping"]
