"""How much of some texts an encoder reads: tokens cut at its length, and texts that its tokenizer does not know.

An English encoder reads a Chinese text as a row of `[UNK]`: it trains and predicts on nothing, and no library warns.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

UNREADABLE_SHARE = 0.5
"""A text is unreadable where the tokenizer does not know this share of its tokens, special ones not counted."""

_MAX_EXAMPLES = 3


@dataclass
class TokenCoverage:
    """Counts over texts as they are encoded.

    Args:
        texts: how many.
        cut: how many are longer than what is read of them.
        tokens: of all texts, whole.
        unread: tokens that are cut off.
        unreadable: how many texts are unreadable.
        example: the id of the first of these, and pieces of it that the tokenizer does not know.
    """

    texts: int = 0
    cut: int = 0
    tokens: int = 0
    unread: int = 0
    unreadable: int = 0
    example: str = ""

    def add(
        self,
        tokenizer: "PreTrainedTokenizerBase",
        rows: Sequence[tuple[Any, str]],
        ids: Sequence[list[int]],
        whole: Sequence[int],
    ) -> None:
        """Count some encoded texts.

        Args:
            tokenizer: that encoded them.
            rows: (id, text).
            ids: tokens of each text, as far as they are read.
            whole: how many tokens each text has.
        """
        unknown, special = unknown_token(tokenizer), tokenizer.num_special_tokens_to_add()
        self.texts += len(rows)
        for (row_id, text), row, length in zip(rows, ids, whole, strict=True):
            self.tokens += length
            self.unread += length - len(row)
            self.cut += length > len(row)
            if unknown is not None and _is_unreadable(row.count(unknown), len(row) - special):
                self.unreadable += 1
                self.example = self.example or unknown_example(tokenizer, row_id, text)

    def warnings(self) -> list[str]:
        """Return one sentence each for texts that are cut and texts that are unreadable."""
        found = []
        if self.cut:
            found.append(
                f"{_share(self.cut, self.texts)} texts are longer than the model reads: "
                f"{self.unread / self.tokens:.1%} of all tokens were cut off."
            )
        if self.unreadable:
            found.append(unreadable_warning(self.unreadable, self.texts, self.example))
        return found


def count_coverage(
    rows: Iterable[tuple[Any, Any]], tokenizer: "PreTrainedTokenizerBase", coverage: TokenCoverage
) -> Iterator[tuple[Any, Any]]:
    """Hand on documents, texts or lists of sentences, and count them as read to their end."""
    for row_id, document in rows:
        text = document if isinstance(document, str) else " ".join(document)
        ids = tokenizer(text, verbose=False)["input_ids"]
        coverage.add(tokenizer, [(row_id, text)], [ids], [len(ids)])
        yield row_id, document


def unreadable_rows(dataset: "Dataset", tokenizer: "PreTrainedTokenizerBase") -> np.ndarray:
    """Return the indices of the encoded rows that are unreadable.

    Args:
        dataset: with a column `input_ids`, not padded.
        tokenizer: that encoded it.
    """
    unknown, special = unknown_token(tokenizer), tokenizer.num_special_tokens_to_add()
    found: list[np.ndarray] = [np.empty(0, np.int64)]
    if unknown is None:
        return found[0]
    start = 0
    for batch in dataset.select_columns(["input_ids"]).with_format("arrow").iter(1000):
        lists: pa.ListArray = batch.column("input_ids").combine_chunks()
        counts = np.concatenate([[0], np.cumsum(lists.flatten().to_numpy(zero_copy_only=False) == unknown)])
        lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
        ends = np.cumsum(lengths)
        found.append(start + np.flatnonzero(_is_unreadable(counts[ends] - counts[ends - lengths], lengths - special)))
        start += len(lists)
    return np.concatenate(found)


def unreadable_warning(unreadable: int, texts: int, example: str) -> str:
    """Return the sentence that warns of texts whose tokens are mostly unknown."""
    return (
        f"{_share(unreadable, texts)} texts are unreadable: the encoder's tokenizer does not know half of their tokens "
        f"or more, as in {example}. Take an encoder of their language."
    )


def unknown_token(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """Return the id of the unknown token; None where there is none, or it means something else as well."""
    others = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id)
    unknown = tokenizer.unk_token_id
    return None if unknown in others else unknown


def unknown_example(tokenizer: "PreTrainedTokenizerBase", row_id: Any, text: str) -> str:
    """Return a row's id, and the first pieces of its text that the tokenizer does not know."""
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
    return (unknown > 0) & (unknown >= UNREADABLE_SHARE * tokens)


def _share(count: int, texts: int) -> str:
    return f"{count:,} of {texts:,} ({count / texts:.0%})"
