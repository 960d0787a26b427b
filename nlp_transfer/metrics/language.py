"""Identify the language of texts.

Reference: Lui & Baldwin (2012), langid.py, https://aclanthology.org/P12-3005
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

MIN_CHARACTERS, MAX_CHARACTERS = 100, 2000
"""Length of a text from which its language is judged, and how much of it is read."""

MIN_PROBABILITY = 0.99
"""Probability below which a language stays open: citations, names and code look like many."""


def languages(texts: Sequence[str]) -> list[str | None]:
    """Return the ISO 639-1 code of each text's language; None for a text that is short, or could be several.

    Example:
        >>> letter = "Either party may end this agreement by giving the other one thirty days of written notice."
        >>> languages([f"{letter} Fees are due.", "MIT"])
        ['en', None]
    """
    return [None if len(text) < MIN_CHARACTERS else _language(text) for text in texts]


def _language(text: str) -> str | None:
    language, probability = _identifier().classify(text[:MAX_CHARACTERS])
    return str(language) if probability >= MIN_PROBABILITY else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
