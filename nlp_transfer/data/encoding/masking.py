"""Draw masks for masked-language modelling: 80 % of the chosen tokens become the mask, 10 % a random one, 10 % stay.

The draw for a row depends on the seed, the epoch and the row's id only, so that a resumed run, several processes and
gradient accumulation draw the same masks. Held-out rows have the same masks in each epoch.
References: Devlin et al. (2019), https://arxiv.org/abs/1810.04805; whole words: https://github.com/google-research/bert
"""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.token_chunks import NO_WORD
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

HELD_OUT = "held_out"
"""Column that is true for rows whose masks never change."""

_AS_MASK, _AS_RANDOM = 0.8, 0.1


@dataclass(frozen=True)
class TokenMasker:
    """Rule of masking tokens.

    Args:
        replacements: ids of the tokens that may replace another.
        probability: of a word (or token) to be chosen.
    """

    mask_id: int
    replacements: np.ndarray
    probability: float
    whole_words: bool

    @classmethod
    def of(cls, tokenizer: "PreTrainedTokenizerBase", *, probability: float, whole_words: bool) -> "TokenMasker":
        """Return the masker of a tokenizer that has a mask token."""
        special = set(tokenizer.all_special_ids)
        replacements = [token for token in sorted(tokenizer.get_vocab().values()) if token not in special]
        mask: Any = tokenizer.mask_token_id
        return cls(int(mask), np.asarray(replacements), probability, whole_words)

    def draw(self, ids: np.ndarray, words: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Mask one row.

        Args:
            ids: token ids, shape (tokens,).
            words: word number of each token, `NO_WORD` for special tokens; shape (tokens,).

        Returns:
            The masked token ids, and the labels: original ids of chosen tokens, `IGNORE_INDEX` for others.

        Example:
            >>> masker = TokenMasker(mask_id=103, replacements=np.array([5]), probability=1.0, whole_words=True)
            >>> masker.draw(np.array([101, 7, 102]), np.array([-1, 0, -1]), np.random.default_rng(0))[1].tolist()
            [-100, 7, -100]
        """
        real = np.flatnonzero(words != NO_WORD)
        units = np.unique(words[real], return_inverse=True)[1] if self.whole_words else np.arange(len(real))
        count = int(units.max()) + 1 if len(units) else 0
        chosen_units = rng.random(count) < self.probability
        if count and not chosen_units.any():
            chosen_units[rng.integers(count)] = True
        chosen = real[chosen_units[units]] if count else real
        seen, labels = ids.copy(), np.full(len(ids), IGNORE_INDEX, dtype=ids.dtype)
        labels[chosen] = ids[chosen]
        kind = rng.random(len(chosen))
        seen[chosen[kind < _AS_MASK]] = self.mask_id
        other = chosen[(kind >= _AS_MASK) & (kind < _AS_MASK + _AS_RANDOM)]
        seen[other] = rng.choice(self.replacements, len(other))
        return seen, labels


@dataclass(frozen=True)
class MaskingCollator:
    """Collator that masks and pads rows of `encode_token_chunks`."""

    columns: ClassVar[tuple[str, ...]] = ("id", "words", HELD_OUT)
    """Columns that a Trainer must keep for it, in addition to the model's."""

    padding: PaddingCollator
    masks: TokenMasker
    seed: int = 0
    # Shared memory, so that loader processes which outlive an epoch see the next one.
    _epoch: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.long).share_memory_(), repr=False)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, counted from 0, whose masks are drawn."""
        self._epoch.fill_(epoch)

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Tensor]:
        """Make a batch.

        Returns:
            `input_ids`, `attention_mask` and `labels`, int64, shape (batch, tokens); labels are `IGNORE_INDEX` except
            for chosen tokens.
        """
        seen, labels = [], []
        for row in rows:
            turn = 0 if row.get(HELD_OUT) else int(self._epoch) + 1
            rng = np.random.default_rng([self.seed, turn, _number(row["id"])])
            tokens, wanted = self.masks.draw(np.asarray(row["input_ids"]), np.asarray(row["words"]), rng)
            seen.append({"input_ids": tokens})
            labels.append(wanted)
        batch = self.padding(seen)
        real = batch["attention_mask"].bool()
        flat = torch.from_numpy(np.concatenate(labels)).long()
        batch["labels"] = torch.full_like(batch["input_ids"], IGNORE_INDEX).masked_scatter_(real, flat)
        return batch


def _number(row_id: str) -> int:
    """Return a 64-bit number for a row's id."""
    return int.from_bytes(hashlib.blake2b(row_id.encode(), digest_size=8).digest(), "little")
