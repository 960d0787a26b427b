"""Cut long documents into windows that fit an encoder, at the ends of sentences where possible.

    document -> tokens -> sentences, in pieces of a window at most -> windows of about equal length

Each token counts in exactly one window. Where windows overlap, the tokens nearer to the edge are context.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_CAPACITIES = 8  # window sizes that are tried to make windows of equal length
_PIECES = 8  # pieces of a window into which a sentence that is longer is cut, where windows do not overlap


@dataclass(frozen=True)
class Window:
    """Consecutive sentences that fit into one row."""

    first: int
    last: int
    scored_from: int
    scored_to: int


def split_into_windows(lengths: Sequence[int], max_length: int, overlap: int) -> list[Window]:
    """Split a document's sentences into windows.

    Args:
        lengths: tokens of each sentence with its special tokens; none above `max_length`.
        overlap: maximum number of tokens that a window repeats of the one before.

    Returns:
        Windows in order; each sentence is scored in exactly one.

    Example:
        >>> [(window.first, window.last) for window in split_into_windows([4, 4, 4], max_length=8, overlap=4)]
        [(0, 2), (1, 3)]
    """
    edges: list[tuple[int, int]] = []
    first = last = 0
    while last < len(lengths):
        if edges:
            # As much context as is asked for, if the next sentence still fits too.
            first, room = last, min(overlap, max_length - lengths[last])
            while first - 1 > edges[-1][0] and lengths[first - 1] <= room:
                first -= 1
                room -= lengths[first]
        taken = sum(lengths[first:last])
        while last < len(lengths) and taken + lengths[last] <= max_length:
            taken += lengths[last]
            last += 1
        edges.append((first, last))
    cuts = [0]
    for (_, end), (start, _) in pairwise(edges):
        cuts.append((start + end + 1) // 2)
    cuts.append(len(lengths))
    return [Window(*edge, cuts[i], cuts[i + 1]) for i, edge in enumerate(edges)]


def balanced_windows(lengths: Sequence[int], max_length: int, overlap: int) -> list[Window]:
    """Split sentences as `split_into_windows` does, into as many windows, of about equal length.

    Example:
        >>> [(window.first, window.last) for window in balanced_windows([2] * 6, max_length=10, overlap=0)]
        [(0, 3), (3, 6)]
    """
    windows = split_into_windows(lengths, max_length, overlap)
    if len(windows) > 1:
        least = max(*lengths, -(-sum(lengths) // len(windows)))
        for capacity in np.linspace(least, max_length, _CAPACITIES).astype(int)[:-1]:
            smaller = split_into_windows(lengths, int(capacity), overlap)
            if len(smaller) == len(windows):
                return smaller
    return windows


class DocumentTokens(NamedTuple):
    """The windows of one document, one after another.

    Args:
        input_ids: token ids, with the special tokens of each window.
        window_ids: the number of each token's window, from 1; negative for context that another window counts.
        text_length: tokens of the whole document, with the special tokens of one window.
        read: the number of them that are read.
        spans: character offsets of each window; empty without a fast tokenizer.
    """

    input_ids: list[int]
    window_ids: list[int]
    text_length: int
    read: int
    spans: list[CharSpan]


_EMPTY = Window(0, 1, 0, 1)
"""The window of a document without tokens."""


@dataclass(frozen=True)
class WindowEncoder:
    """Encode documents as windows.

    Args:
        max_length: maximum number of tokens of a window, with special tokens.
        overlap: maximum number of tokens that a window repeats of the one before.
        max_windows: maximum number of windows of a document; of more, evenly spaced ones are read, from the first, as
            truncation reads it, to the last, as full. None reads all.
    """

    made: ClassVar[tuple[str, ...]] = ("window_ids",)
    """The columns of numbers of tokens beside `input_ids`."""

    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    overlap: int
    max_windows: int | None = None

    def encode(self, texts: Sequence[str]) -> Iterator[DocumentTokens]:
        """Yield the windows of each text."""
        fast = self.tokenizer.is_fast
        before, after = special_tokens(self.tokenizer)
        options: dict[str, Any] = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
        encoded = self.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=fast, **options)
        room = self.max_length - len(before) - len(after)
        for number, text in enumerate(texts):
            ids, offsets = encoded["input_ids"][number], encoded["offset_mapping"][number] if fast else []
            input_ids, window_ids, spans, read = [], [], [], 0
            for window_id, (first, last, own) in enumerate(self.split(text, len(ids), offsets, room), 1):
                input_ids += [*before, *ids[first:last], *after]
                counted = [window_id if place in own else -window_id for place in range(first, last)]
                window_ids += [-window_id] * len(before) + counted + [-window_id] * len(after)
                spans += [(offsets[first][0], offsets[last - 1][1])] if offsets else []
                read += len(own)
            special = len(before) + len(after)
            yield DocumentTokens(input_ids, window_ids, special + len(ids), special + read, spans)

    def split(self, text: str, tokens: int, offsets: Sequence[CharSpan], room: int) -> Iterator[tuple[int, int, range]]:
        """Yield the first token of each window, the one after its last, and the tokens that count in it.

        Args:
            tokens: their number in the text, without special tokens.
            offsets: their characters; empty without a fast tokenizer.
            room: maximum number of them in a window.
        """
        edges = self._edges(text, tokens, offsets, room)
        for window in self._windows(np.diff(edges).tolist(), room) or [_EMPTY]:
            own = range(edges[window.scored_from], edges[window.scored_to])
            yield edges[window.first], edges[window.last], own

    def columns(self, texts: Sequence[str]) -> dict[str, list[Any]]:
        """Return the fields of `DocumentTokens` as columns."""
        made = list(self.encode(texts))
        return {name: [getattr(row, name) for row in made] for name in DocumentTokens._fields}

    def _windows(self, lengths: Sequence[int], room: int) -> list[Window]:
        windows = split_into_windows(lengths, room, self.overlap)
        if self.max_windows is None or len(windows) <= self.max_windows:
            return balanced_windows(lengths, room, self.overlap)
        places = np.linspace(0, len(windows) - 1, self.max_windows).round().astype(int)
        edges = [(windows[place].first, windows[place].last) for place in places]
        if self.max_windows > 1:
            from_end = split_into_windows(lengths[::-1], room, 0)[0]
            edges[-1] = (len(lengths) - from_end.last, len(lengths))
        befores = [0, *(last for _, last in edges)]
        return [Window(*edge, max(edge[0], before), edge[1]) for edge, before in zip(edges, befores, strict=False)]

    def _edges(self, text: str, tokens: int, offsets: Sequence[CharSpan], room: int) -> list[int]:
        """Return the first token of each piece, and the number of tokens."""
        if tokens <= room:
            return [0, tokens]
        ends = [end for _, end in offsets]
        starts = [start for start, _ in sentence_spans(text)] if offsets else []
        edges = sorted({0, tokens, *np.searchsorted(ends, starts, side="right").tolist()})
        piece = min(room, self.overlap) or max(1, room // _PIECES)
        for first, last in pairwise(list(edges)):
            if last - first > room:
                edges += range(first, last, piece)
        return sorted(set(edges))


def special_tokens(tokenizer: "PreTrainedTokenizerBase") -> tuple[list[int], list[int]]:
    """Return the tokens that the tokenizer puts before and after a text."""
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    text = [place for place, one in enumerate(special) if not one] or [len(ids)]
    return ids[: text[0]], ids[text[-1] + 1 :]
