"""Encode pairs of texts: the second is read in full beside each window of the first.

    [CLS] window of the first [SEP] second [SEP]

A window counts the tokens of the first text only, so that windows of a long text are weighted as those of documents.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlp_transfer.data.encoding.document_windows import DocumentTokens, WindowEncoder
from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LEAST_TOKENS = 8
"""Number of tokens of the first text that must fit beside the second, if it has so many."""

TYPES = "token_type_ids"


class LongSecondText(ValueError):
    """A second text that leaves no room for the first; `place` is the number of the pair."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place = place


@dataclass(frozen=True)
class PairEncoder:
    """Encode pairs of texts, the first in windows.

    Args:
        max_length: maximum number of tokens of a window of the first text, with the second text and special tokens.
        overlap: maximum number of tokens that a window repeats of the one before.
        max_windows: maximum number of windows; see `WindowEncoder`.
        truncates: read the first window only, as much of the first text as fits.
    """

    tokenizer: "PreTrainedTokenizerBase"
    max_length: int
    overlap: int = 0
    max_windows: int | None = None
    truncates: bool = False

    @property
    def made(self) -> tuple[str, ...]:
        """The columns of numbers of tokens beside `input_ids`."""
        typed = (TYPES,) if TYPES in self.tokenizer.model_input_names else ()
        return typed if self.truncates else ("window_ids", *typed)

    def columns(self, pairs: Sequence[tuple[str, str]]) -> dict[str, list[Any]]:
        """Return the fields of `DocumentTokens`, and `token_type_ids` if the encoder has them, as columns.

        Raises:
            ConfigError: the tokenizer is not made for pairs.
            LongSecondText: of the first pair whose second text is too long.
        """
        columns: dict[str, list[Any]] = {name: [] for name in (*DocumentTokens._fields, TYPES)}
        for tokens, types in self._encode(pairs):
            for name, value in {**tokens._asdict(), TYPES: types}.items():
                columns[name].append(value)
        left_out = {"window_ids", TYPES} - set(self.made)
        return {name: values for name, values in columns.items() if name not in left_out}

    def problem(self, second: str) -> str | None:
        """Return why a second text cannot be read, whatever the first is; None if it can."""
        options: dict[str, Any] = {"add_special_tokens": False, "return_token_type_ids": False, "verbose": False}
        tokens = len(self.tokenizer(second, **options)["input_ids"])
        room = self.max_length - self.tokenizer.num_special_tokens_to_add(pair=True) - tokens
        if room >= LEAST_TOKENS:
            return None
        return (
            f"the second text has {tokens:,} tokens, and is never cut: of max_length {self.max_length:,} it leaves "
            f"{max(room, 0)} for the first"
        )

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[DocumentTokens, list[int]]]:
        """Yield the windows of each pair, one after another, and the type of each token."""
        fast, template = self.tokenizer.is_fast, _Template.of(self.tokenizer)
        windows = WindowEncoder(self.tokenizer, self.max_length, self.overlap, self.max_windows)
        options: dict[str, Any] = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
        options["add_special_tokens"] = False
        firsts = self.tokenizer([first for first, _ in pairs], return_offsets_mapping=fast, **options)
        seconds = self.tokenizer([second for _, second in pairs], **options)["input_ids"]
        for place, ((first, text), second) in enumerate(zip(pairs, seconds, strict=True)):
            ids, offsets = firsts["input_ids"][place], firsts["offset_mapping"][place] if fast else []
            special = template.special + len(second)
            room = self.max_length - special
            if room < min(LEAST_TOKENS, len(ids)):
                raise LongSecondText(place, self.problem(text) or "")
            parts = [(0, min(room, len(ids)), range(room))]
            if not self.truncates:
                parts = list(windows.split(first, len(ids), offsets, room))
            input_ids, window_ids, types, spans, read = [], [], [], [], 0
            for number, (start, end, own) in enumerate(parts, 1):
                before, after = template.around(second)
                input_ids += [*before[0], *ids[start:end], *after[0]]
                types += [*before[1], *[template.types[0]] * (end - start), *after[1]]
                counted = [number if token in own else -number for token in range(start, end)]
                window_ids += [-number] * len(before[0]) + counted + [-number] * len(after[0])
                spans += [(offsets[start][0], offsets[end - 1][1])] if offsets else []
                read += sum(token in own for token in range(start, end))
            yield DocumentTokens(input_ids, window_ids, special + len(ids), special + read, spans), types


@dataclass(frozen=True)
class _Template:
    """Hold the special tokens before, between and after two texts, and the types of all parts."""

    parts: tuple[tuple[list[int], list[int]], ...]
    types: tuple[int, int]

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase") -> "_Template":
        encoded = tokenizer("a", "a", return_special_tokens_mask=True, return_token_type_ids=True)
        ids, special, types = encoded["input_ids"], encoded["special_tokens_mask"], encoded[TYPES]
        text = [place for place, one in enumerate(special) if not one]
        gap = next(place for place in text if place + 1 not in text)
        following = next((place for place in text if place > gap), None)
        if following is None:
            raise ConfigError(
                "model: its tokenizer puts no token between two texts, so that a pair would be read as one text. Take "
                "an encoder of another family, such as BERT or RoBERTa."
            )
        edges = [(0, text[0]), (gap + 1, following), (text[-1] + 1, len(ids))]
        return cls(tuple((ids[a:b], types[a:b]) for a, b in edges), (types[gap], types[following]))

    @property
    def special(self) -> int:
        """The number of special tokens."""
        return sum(len(ids) for ids, _ in self.parts)

    def around(self, second: list[int]) -> tuple[tuple[list[int], list[int]], tuple[list[int], list[int]]]:
        """Return token ids and types of what stands before the first text, and of what stands after it."""
        before, between, after = self.parts
        types = [*between[1], *[self.types[1]] * len(second), *after[1]]
        return before, ([*between[0], *second, *after[0]], types)
