"""Capitals for a summary that has none, as an uncased tokenizer writes it: names and citations are known by theirs.

A word gets the capitals that it mostly has in the document. One that the document does not have may be part of a name,
and gets a capital; corporate endings, currencies, abbreviations with full stops and Roman numerals of articles get
theirs. No character is added or lost, so places in the text stay what they are.
"""

import re
from collections import Counter

_WORD = re.compile(r"[^\W\d_]+")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}", re.IGNORECASE)
_ROMAN = re.compile(r"\b(?P<word>article|section|title|part|chapter) (?P<number>[ivxlc]{1,6})\b", re.IGNORECASE)
_FIXED = {
    word.lower(): word
    for word in ("Inc", "Corp", "Ltd", "LLC", "LLP", "PLC", "GmbH", "SARL", "USD", "EUR", "GBP", "CHF", "CFR", "USC")
}


def cased(summary: str, document: str) -> str:
    """The summary with capitals; as it is, where it has any.

    Args:
        summary: any text.
        document: what it is of.
    """
    if summary != summary.lower():
        return summary
    spellings: dict[str, Counter[str]] = {}
    for word in _WORD.findall(document):
        spellings.setdefault(word.lower(), Counter())[word] += 1
    known = {word: counts.most_common(1)[0][0] for word, counts in spellings.items()}

    def capitals(match: re.Match[str]) -> str:
        word = match.group()
        found = known.get(word) or _FIXED.get(word) or word.capitalize()
        return found if len(found) == len(word) else word

    text = _WORD.sub(capitals, summary)
    text = _DOTTED.sub(lambda match: match.group().upper(), text)
    return _ROMAN.sub(lambda match: f"{match['word']} {match['number'].upper()}", text)
