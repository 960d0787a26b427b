"""Measure the share of texts that an encoder reads: truncated tokens, and texts of unknown tokens."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from nlp_transfer.data.encoding.token_frequencies import ALARM, TokenFrequencies, exchangeability, untested

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

log = logging.getLogger(__name__)

_UNREADABLE_SHARE = 0.5  # share of unknown tokens from which a text is unreadable; special tokens do not count
_MAX_EXAMPLES = 3


@dataclass
class TokenCoverage:
    """Counts over texts while they are encoded: texts that are cut or unreadable, tokens in all and `unread` ones.

    `known` are the token frequencies of texts that a decision was fitted on, where it promises something.

    Example:
        >>> TokenCoverage(texts=4, cut=1, tokens=100, unread=20).warnings()
        ['1 of 4 (25%) texts are longer than the model reads: 20.0% of all tokens were cut off.']
    """

    texts: int = 0
    cut: int = 0
    tokens: int = 0
    unread: int = 0
    unreadable: int = 0
    example: str = ""
    known: TokenFrequencies | None = None
    frequencies: TokenFrequencies = field(default_factory=TokenFrequencies)

    def add(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        rows: Sequence[tuple[Any, Any]],
        ids: Sequence[list[int]],
        whole: Sequence[int],
        read: Sequence[int],
    ) -> None:
        """Count encoded texts, of `whole` tokens each, of which `read` are read."""
        unknown, special = unknown_token(tokenizer), tokenizer.num_special_tokens_to_add()
        self.texts += len(rows)
        if self.known is not None:
            self.frequencies.add(ids)
        for (row_id, text), row, length, of_them in zip(rows, ids, whole, read, strict=True):
            self.tokens += length
            self.unread += length - of_them
            self.cut += length > of_them
            if unknown is not None and _is_unreadable(row.count(unknown), len(row) - special):
                self.unreadable += 1
                self.example = self.example or unknown_example(tokenizer, row_id, text)

    def log_warnings(self) -> None:
        """Log each of the `warnings`."""
        for warning in self.warnings():
            log.warning(warning)

    def warnings(self) -> list[str]:
        """Return a sentence each for truncated texts, for unreadable texts, and for texts of another kind."""
        warnings = []
        if self.cut:
            warnings.append(
                f"{_share(self.cut, self.texts)} texts are longer than the model reads: "
                f"{self.unread / self.tokens:.1%} of all tokens were cut off."
            )
        if self.unreadable:
            warnings.append(unreadable_warning(self.unreadable, self.texts, self.example))
        if self.known is None or not self.texts:
            return warnings
        p = exchangeability(self.known, self.frequencies)
        if p is None:
            reason = untested(self.known, self.frequencies)
            warnings.append(f"Whether the decision's promises hold for these texts was not tested: {reason}.")
        elif p < ALARM:
            warnings.append(
                f"These {self.texts:,} texts differ from those that the decision was fitted on (p = {p:.1g}): there is "
                "no promise on this domain, neither of precision nor of coverage."
            )
        return warnings


def count_coverage(
    rows: Iterable[tuple[Any, Any]], tokenizer: "PreTrainedTokenizerBase", coverage: TokenCoverage
) -> None:
    """Count documents (texts or lists of sentences) as read to their end."""
    for row_id, document in rows:
        text = document if isinstance(document, str) else " ".join(document)
        ids = tokenizer(text, verbose=False)["input_ids"]
        coverage.add(tokenizer, [(row_id, text)], [ids], [len(ids)], [len(ids)])


def unreadable_rows(dataset: "Dataset", tokenizer: "PreTrainedTokenizerBase") -> np.ndarray:
    """Return the indices of unreadable rows, int64, shape (unreadable,)."""
    indices: list[np.ndarray] = [np.empty(0, np.int64)]
    if "input_ids" not in dataset.column_names or (unknown := unknown_token(tokenizer)) is None:
        return indices[0]
    special = tokenizer.num_special_tokens_to_add()
    start = 0
    for batch in dataset.select_columns(["input_ids"]).with_format("arrow").iter(1000):
        lists: pa.ListArray = batch.column("input_ids").combine_chunks()
        counts = np.concatenate([[0], np.cumsum(lists.flatten().to_numpy(zero_copy_only=False) == unknown)])
        lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        indices.append(start + np.flatnonzero(_is_unreadable(counts[ends] - counts[ends - lengths], lengths - special)))
        start += len(lists)
    return np.concatenate(indices)


def unreadable_warning(unreadable: int, texts: int, example: str) -> str:
    """Return a warning about texts that consist of unknown tokens."""
    return (
        f"{_share(unreadable, texts)} texts are unreadable: the encoder's tokenizer does not know half of their tokens "
        f"or more, as in {example}. Take an encoder of their language; words of over 100 characters are unknown, too."
    )


def unknown_token(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """Return the id of the unknown token; None if there is none, or if it has another role too."""
    others = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id)
    unknown = tokenizer.unk_token_id
    return None if unknown in others else unknown


def unknown_example(tokenizer: "PreTrainedTokenizerBase", row_id: Any, text: str | tuple[str, ...]) -> str:
    """Return a row's id with the first pieces of its text, or of a pair of texts, that are unknown."""
    text = text if isinstance(text, str) else " ".join(text)
    if not tokenizer.is_fast:
        return f"id {row_id}"
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    unknown = unknown_token(tokenizer)
    pieces = [
        text[start:end]
        for token, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
        if token == unknown
    ]
    return f"id {row_id} ({', '.join(repr(piece[:20]) for piece in list(dict.fromkeys(pieces))[:_MAX_EXAMPLES])})"


def _is_unreadable(unknown: Any, tokens: Any) -> Any:
    return (unknown > 0) & (unknown >= _UNREADABLE_SHARE * tokens)


def _share(count: int, texts: int) -> str:
    share = count / texts
    return f"{count:,} of {texts:,} ({share:.{0 if share >= 0.01 else 2}%})"
