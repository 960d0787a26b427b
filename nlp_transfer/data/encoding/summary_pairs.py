"""Encode documents and summaries for an encoder-decoder.

A document longer than the encoder's input becomes several windows of whole sentences; each sentence of its summary is
assigned to one of them, and windows without a target are not trained on. Alternatively a selection of its sentences
becomes one row.
Reference: Gidiotis & Tsoumakas (2020), https://arxiv.org/abs/2004.06190
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from datasets import Dataset, List, Value

from nlp_transfer.data.encoding.document_windows import split_into_windows
from nlp_transfer.data.encoding.sentence_windows import map_windows, window_fields
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.encoding.tokens import rows_digest, tokenizer_digest
from nlp_transfer.files import cache_key

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Ranking = Callable[[Sequence[Sequence[str]]], list[Sequence[float]]]
"""Function from the sentences of documents to the importance of each sentence."""

Assignment = Callable[[Sequence[str], Sequence[str]], list[list[int]]]
"""Function from (sentences of a summary, windows of its document) to the sentence numbers of each window."""


@dataclass(frozen=True)
class PairEncoder:
    """Encoder of documents and summaries.

    Args:
        whole: truncate a document at `max_length` instead of making further windows.
        ranking: selects the sentences of a long document; None reads all sentences in windows.
        ranked_by: identifies `ranking` in the cache's key.
    """

    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    max_summary_length: int
    prefix: str = ""
    whole: bool = False
    ranking: Ranking | None = None
    ranked_by: str = ""

    @property
    def room(self) -> int:
        """Return the tokens of a window without special tokens and the prefix."""
        return self.max_length - len(self.tokenizer(self.prefix)["input_ids"])

    def sources(self, texts: Sequence[str], spans: Sequence[Sequence[CharSpan]]) -> list[list[tuple[str, bool]]]:
        """Return the windows of each document as texts, each with True if it is truncated."""
        parts = [_parts(text, of) for text, of in zip(texts, spans, strict=True)]
        counts = iter(self._counts([part for of in parts for part in of]))
        lengths = [[next(counts) for _ in of] for of in parts]
        long = [number for number, of in enumerate(lengths) if sum(of) > self.room]
        sources = [[(text, False)] for text in texts]
        if self.whole:
            for number in long:
                sources[number] = [(texts[number], True)]
        elif self.ranking is not None and long:
            ranks = self.ranking([[texts[i][a:b] for a, b in spans[i]] for i in long])
            for number, ranking in zip(long, ranks, strict=True):
                sources[number] = [self._selection(texts[number], spans[number], lengths[number], ranking)]
        else:
            for number in long:
                fitting = [min(length, self.room) for length in lengths[number]]
                sources[number] = [
                    (
                        "".join(parts[number][window.first : window.last]).strip(),
                        lengths[number][window.first] > self.room,
                    )
                    for window in split_into_windows(fitting, self.room, 0)
                ]
        return sources

    def _selection(
        self, text: str, spans: Sequence[CharSpan], lengths: Sequence[int], ranking: Sequence[float]
    ) -> tuple[str, bool]:
        """Return the highest-ranked sentences that fit, in the document's order, and True if truncated."""
        taken: list[int] = []
        room = self.room
        for number in sorted(range(len(spans)), key=lambda i: (-ranking[i], i)):
            if lengths[number] <= room or not taken:
                taken.append(number)
                room -= lengths[number]
        return " ".join(text[slice(*spans[number])] for number in sorted(taken)), room < 0

    def _counts(self, texts: list[str]) -> list[int]:
        """Return the number of tokens of each text."""
        if not texts:
            return []
        encoded = self.tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the encoder's token ids of each text."""
        texts = [self.prefix + text for text in texts]
        encoded = self.tokenizer(
            texts, truncation=True, max_length=self.max_length, return_attention_mask=False, return_token_type_ids=False
        )
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def written(self, summaries: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        """Return the token ids of each summary, and True for truncated ones."""
        if not summaries:
            return [], []
        whole: list[list[int]] = self.tokenizer(
            text_target=list(summaries), return_attention_mask=False, return_token_type_ids=False, verbose=False
        )["input_ids"]
        cut = [len(ids) > self.max_summary_length for ids in whole]
        # The token that ends a summary stays: what is cut would else be learned as a summary that never ends.
        return [
            [*ids[: self.max_summary_length - 1], ids[-1]] if long else ids
            for ids, long in zip(whole, cut, strict=True)
        ], cut


def _parts(text: str, spans: Sequence[CharSpan]) -> list[str]:
    """Split a text at the starts of its sentences; white space stays with the sentence before."""
    starts = [0, *(start for start, _ in spans[1:]), len(text)]
    return [text[first:last] for first, last in pairwise(starts)] if spans else []


def encode_pairs(dataset: Dataset, encoder: PairEncoder, *, assign: Assignment, fingerprint: str) -> Dataset:
    """Encode the documents of one split.

    Returns:
        A row a window, in the documents' order: `id` (the document's, with `#2`, `#3`, … for further windows),
        `document` (its number in the split), `input_ids`, `length`, `truncated` (the window's text), `target_cut` (its
        summary), and, for a corpus with summaries, `labels`: the summary's tokens, empty for a window without a target.
        The first window of a document also has `text`, `sentence_starts`, and `summary` if there is one.
    """
    with_summaries = "summary" in dataset.column_names
    settings = ["pairs", encoder.max_length, encoder.max_summary_length, encoder.prefix, encoder.whole]
    settings += [encoder.ranked_by, with_summaries, fingerprint, getattr(assign, "__qualname__", None)]
    key = cache_key(rows_digest(dataset, ["id"]), settings, tokenizer_digest(encoder.tokenizer))
    features: dict[str, Any] = {"truncated": Value("bool"), "target_cut": Value("bool")}
    features["sentence_starts"] = List(Value("int32"))
    if with_summaries:
        features["labels"] = List(Value("int64"))
    encode = partial(_encode_batch, encoder=encoder, assign=assign)
    return map_windows(key, dataset, ["summary"] if with_summaries else [], encode, features, encoder.tokenizer)


def _encode_batch(batch: dict[str, list[Any]], *, encoder: PairEncoder, assign: Assignment) -> dict[str, list[Any]]:
    """Encode one batch of documents."""
    texts, starts = batch["text"], batch["sentence_starts"]
    sources = encoder.sources(texts, [sentence_spans(text, begins) for text, begins in zip(texts, starts, strict=True)])
    made: dict[str, list[Any]] = {"sentence_starts": []}
    read: list[str] = []
    wanted: list[str] = []
    for i, windows in enumerate(sources):
        targets = [""] * len(windows)
        if "summary" in batch:
            targets = _targets(batch["summary"][i], [window for window, _ in windows], assign)
        for number, (window, cut) in enumerate(windows, 1):
            read.append(window)
            fields = {**window_fields(batch, i, number), "truncated": cut}
            for name, value in fields.items():
                made.setdefault(name, []).append(value)
            made["sentence_starts"].append(starts[i] if number == 1 else [])
        wanted += targets
    made["input_ids"] = encoder.read(read) if read else []
    made["length"] = [len(ids) for ids in made["input_ids"]]
    labels, long = encoder.written(wanted)
    made["target_cut"] = [one and bool(target) for one, target in zip(long, wanted, strict=True)]
    if "summary" in batch:
        made["labels"] = [ids if target else [] for ids, target in zip(labels, wanted, strict=True)]
    return made


def _targets(summary: str, windows: Sequence[str], assign: Assignment) -> list[str]:
    """Return the target text of each window."""
    if len(windows) == 1:
        return [summary]
    sentences = [summary[first:last] for first, last in sentence_spans(summary)]
    return [" ".join(sentences[number] for number in numbers) for numbers in assign(sentences, windows)]
