"""Decode generated tokens to text; texts of WordPiece, which loses spaces, are joined as English is mostly written."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:, \d{3})+(?!\d)")

_SPACING_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r" ([.,;:!?])", r"\1"),
        (r"(?<=\d)(?<!\b19\d\d)(?<!\b20\d\d)([.:]) (?=\d)", r"\1"),  # 3. 5, 10: 30, but not: in 2019. 5 judges
        (r"\b([a-zA-Z])\. (?=[a-zA-Z]\.)", r"\1."),  # u. s. c.
        (r"([(\[]) ", r"\1"),
        (r" ([)\]])", r"\1"),
        (r"(?<=[\d)]) \((?=(?:[a-zA-Z]|[ivx]{1,4}|\d{1,2})\))", "("),  # 4.2 (a) (ii)
        (r"([$€£¥]) (?=\d)", r"\1"),
        (r"(?<=\d) %", "%"),
        (r"(?<=\w) ?(['’]) ?(?=(?:s|t|re|ve|ll|d|m)\b)", r"\1"),
        (r"(?<=[a-zA-Z]) - (?=[a-zA-Z])", "-"),
        (r"(?<=\d) ([-–]) (?=\d)", r"\1"),
        (r"(?<=\w) / (?=\w)", "/"),
        (r'" ([^"]*?) "', r'"\1"'),
        (r"“ ([^“”]*?) ”", r"“\1”"),
    )
)


def decode_texts(ids: Sequence[Sequence[int]], tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """Decode each row of tokens to text, without special tokens."""
    kept = [[int(token) for token in row if token >= 0] for row in ids]
    texts = [str(text).strip() for text in tokenizer.batch_decode(kept, skip_special_tokens=True)]
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    pieces = backend is None or type(getattr(backend, "decoder", None)).__name__ == "WordPiece"
    return [clean_up_spacing(text) for text in texts] if pieces else texts


def clean_up_spacing(text: str) -> str:
    """Restore the spacing of English in a text decoded from WordPiece.

    Example:
        >>> clean_up_spacing("$ 1, 000. 50 under 42 u. s. c. for non - compliance")
        '$1,000.50 under 42 u.s.c. for non-compliance'
    """
    text = _THOUSANDS.sub(lambda match: match.group().replace(" ", ""), text)
    for pattern, new in _SPACING_RULES:
        text = pattern.sub(new, text)
    return text
