"""Collate encoded rows into tensors, padded to the longest row of the batch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


COMPILED_MULTIPLE = 64
"""Lengths are rounded up to this multiple when layers are compiled for each length."""


def stacked_labels(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    """Return `labels` if all rows have them: int64, shape (rows,), or float32, shape (rows, classes), of lists.

    Example:
        >>> stacked_labels([{"labels": 2}, {"labels": 0}])
        {'labels': tensor([2, 0])}
    """
    labels = [row["labels"] for row in rows if row.get("labels") is not None]
    if len(labels) < len(rows):
        return {}
    many = not isinstance(labels[0], int) and torch.as_tensor(labels[0]).ndim > 0
    kind = torch.float32 if many else torch.long
    return {"labels": torch.stack([torch.as_tensor(row, dtype=kind) for row in labels])}


@dataclass(frozen=True)
class PaddingCollator:
    """Collator that pads rows of `encode_texts`.

    Args:
        pad_to_multiple_of: lengths are rounded up to this multiple, at most to the tokenizer's maximum length.
    """

    columns: ClassVar[tuple[str, ...]] = ("window_ids", "token_type_ids")
    """Columns that it reads although a network may not take them."""

    tokenizer: "PreTrainedTokenizerBase"
    pad_to_multiple_of: int = 8

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch; other columns than those below are dropped.

        Returns:
            `input_ids`, `attention_mask` and those of `columns` that rows have, padded with 0: int64, shape (batch,
            tokens); and `labels` if all rows have them: int64, shape (batch,), or float32, shape (batch, classes), if
            rows hold lists.
        """
        if not rows:
            raise ValueError("A batch needs at least one row.")
        padding = self.tokenizer.pad_token_id
        if padding is None:
            raise ValueError("The tokenizer has no padding token; set tokenizer.pad_token.")
        width = self._width(max(len(row["input_ids"]) for row in rows))
        pad_left = self.tokenizer.padding_side == "left"
        ids = torch.full((len(rows), width), int(padding), dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        more = {name: torch.zeros_like(mask) for name in self.columns if name in rows[0]}
        for index, row in enumerate(rows):
            length = len(row["input_ids"])
            place = slice(width - length, width) if pad_left else slice(0, length)
            ids[index, place] = torch.as_tensor(row["input_ids"], dtype=torch.long)
            mask[index, place] = torch.as_tensor(row.get("attention_mask", [1] * length), dtype=torch.long)
            for name, numbers in more.items():
                numbers[index, place] = torch.as_tensor(row[name], dtype=torch.long)
        return {"input_ids": ids, "attention_mask": mask, **more, **stacked_labels(rows)}

    def _width(self, longest: int) -> int:
        """Return the longest length rounded up, at most to the tokenizer's maximum."""
        rounded = -(-longest // self.pad_to_multiple_of) * self.pad_to_multiple_of
        return min(rounded, max(longest, self.tokenizer.model_max_length))


def padding_collator(tokenizer: "PreTrainedTokenizerBase", *, compiled: bool) -> PaddingCollator:
    """Return the collator that pads token ids, to few different lengths for a compiled model."""
    return PaddingCollator(tokenizer, COMPILED_MULTIPLE) if compiled else PaddingCollator(tokenizer)


@dataclass(frozen=True)
class SentenceCollator:
    """Collator that pads rows of `encode_documents`."""

    padding: PaddingCollator

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch; rows without `markers` are padded as plain texts, without labels.

        Returns:
            The batch of `PaddingCollator`; and, int64, shape (batch, sentences): `markers`, padded with -1; `numbers`,
            padded with 0; and `labels` if all rows have them, padded with `IGNORE_INDEX`.
        """
        batch = self.padding([{key: value for key, value in row.items() if key != "labels"} for row in rows])
        width = max(len(row.get("markers", ())) for row in rows)
        for name, filler in (("markers", -1), ("numbers", 0), ("labels", IGNORE_INDEX)):
            if width and all(row.get(name) is not None for row in rows):
                lists = [[*row[name], *[filler] * (width - len(row[name]))] for row in rows]
                batch[name] = torch.tensor(lists, dtype=torch.long)
        return batch


@dataclass(frozen=True)
class TagCollator:
    """Collator that pads rows of `encode_tagged`; the tokenizer pads on the right."""

    padding: PaddingCollator

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch.

        Returns:
            The batch of `PaddingCollator`; and, if all rows have them, `labels`: int64, shape (batch, tokens), padded
            with `IGNORE_INDEX`.
        """
        batch = self.padding([{key: value for key, value in row.items() if key != "labels"} for row in rows])
        width = batch["input_ids"].shape[1]
        if all(row.get("labels") is not None for row in rows):
            labels = [[*row["labels"], *[IGNORE_INDEX] * width][:width] for row in rows]
            batch["labels"] = torch.tensor(labels, dtype=torch.long)
        return batch


@dataclass(frozen=True)
class PairCollator:
    """Collator that pads rows of `encode_pairs`."""

    padding: PaddingCollator
    start: int
    fill: int

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch.

        Returns:
            The batch of `PaddingCollator`; and, if all rows have labels, int64, shape (batch, summary tokens):
            `labels`, padded with `IGNORE_INDEX`, and `decoder_input_ids`, shifted by one token.
        """
        batch = self.padding([{key: value for key, value in row.items() if key != "labels"} for row in rows])
        if any(row.get("labels") is None for row in rows):
            return batch
        # A decoder that begins with the token by which a text begins need not learn to write it once more.
        written = [row["labels"][1:] if row["labels"][:1] == [self.start] else row["labels"] for row in rows]
        width = max(1, *map(len, written))
        batch["labels"] = torch.tensor([[*ids, *[IGNORE_INDEX] * (width - len(ids))] for ids in written])
        shifted = [[self.start, *ids, *[self.fill] * (width - len(ids))][:width] for ids in written]
        batch["decoder_input_ids"] = torch.tensor(shifted)
        return batch
