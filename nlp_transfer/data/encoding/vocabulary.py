"""Add the words of a domain to a tokenizer that save most tokens over the training texts.

A word's former tokens are kept: its embedding starts from theirs (models/heads/masked_lm.py).
Reference: Yao et al. (2021), https://arxiv.org/abs/2106.13474
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlp_transfer.progress import counted

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORD = re.compile(r"[^\W\d_]+")

MEASURED_TEXTS = 1000
"""Number of texts over which the saving is measured."""


@dataclass(frozen=True)
class AddedWords:
    """Words that were added to a tokenizer.

    Args:
        pieces: ids of the former tokens by the new id of the word.
        tokens_before: tokens of 1,000 words before, in the first `MEASURED_TEXTS` texts.
        tokens_after: the same with the new words.
    """

    pieces: dict[int, list[int]]
    words: list[str]
    tokens_before: float
    tokens_after: float


def add_domain_words(
    tokenizer: "PreTrainedTokenizerBase", texts: Iterable[str], *, most: int, min_frequency: int
) -> AddedWords:
    """Select words of the texts and add them to a fast tokenizer in place."""
    from tokenizers import AddedToken

    backend: Any = tokenizer.backend_tokenizer  # type: ignore[attr-defined]  # fast tokenizers have it
    normalize = backend.normalizer.normalize_str if backend.normalizer is not None else str
    counts: Counter[str] = Counter()
    measured: list[str] = []
    for text in counted(texts, "Counting words", unit="texts"):
        counts.update(WORD.findall(normalize(text)))
        measured += [text] if len(measured) < MEASURED_TEXTS else []
    # Byte-level and sentencepiece tokenizers know a word by the space before it, which then belongs to the new word.
    by_space = tokenizer.tokenize(" a") != ["a"]
    names = [name for name, count in counts.items() if count >= min_frequency]
    used: dict[str, list[int]] = {}
    if names:
        pieces = tokenizer([f" {name}" for name in names], add_special_tokens=False, verbose=False)["input_ids"]
        used = dict(zip(names, pieces, strict=True))
    saves = {name: counts[name] * (len(ids) - 1) for name, ids in used.items() if tokenizer.unk_token_id not in ids}
    broken = [name for name, saved in saves.items() if saved > 0]
    chosen = sorted(broken, key=lambda name: (-saves[name], name))[:most]
    before = _tokens_per_1000_words(tokenizer, measured)
    tokenizer.add_tokens([AddedToken(name, single_word=True, lstrip=by_space, normalized=True) for name in chosen])
    return AddedWords(
        pieces={int(tokenizer.convert_tokens_to_ids(name)): used[name] for name in chosen},  # type: ignore[arg-type]
        words=chosen,
        tokens_before=before,
        tokens_after=_tokens_per_1000_words(tokenizer, measured),
    )


def _tokens_per_1000_words(tokenizer: "PreTrainedTokenizerBase", texts: list[str]) -> float:
    words = sum(len(WORD.findall(text)) for text in texts)
    encoded = tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    return 1000 * sum(map(len, encoded)) / max(1, words)
