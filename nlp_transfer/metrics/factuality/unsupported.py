"""Numbers, dates, amounts and citations of a summary that its document lacks.

Each item of the summary is looked for by value in the whole document, whatever its spelling. This finds inventions, not
errors of meaning. Nothing is reported in doubt: numbers that are parts of words, "one", ordinals in words, numbers of
lists. What is rounded or counted up ("about $4,000" of $4,083, "three options" of a list) is reported.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nlp_transfer.metrics.factuality.citations import citation_items
from nlp_transfer.metrics.factuality.dates import date_items
from nlp_transfer.metrics.factuality.numbers import KINDS, Item, number_items

# Letters that a pattern without case takes for i, s and k, and the dashes, each as one that is written everywhere.
_PLAIN = str.maketrans({"ſ": "s", "ı": "i", "İ": "I", "\u212a": "K", "‐": "-", "‑": "-", "–": "-", "−": "-", "\0": " "})


@dataclass(frozen=True)
class UnsupportedFact:
    """Item of a summary, at summary[start:end], that its document lacks; `kind` is one of `KINDS`."""

    kind: str
    text: str
    start: int
    end: int


def unsupported(summary: str, document: str) -> list[UnsupportedFact]:
    """Return the items of a summary that its document lacks, in their order.

    An item is of one kind: no number is found inside a date, an amount or a citation.

    Example:
        >>> [fact.text for fact in unsupported("Ten days and $5.", "10 days for $6")]
        ['$5']
    """
    values = {value for item in _items(document.translate(_PLAIN)) for value in item.vouches}
    return [
        UnsupportedFact(item.kind, summary[item.start : item.end], item.start, item.end)
        for item in sorted(_items(summary.translate(_PLAIN)), key=lambda item: item.start)
        if item.needs and not item.needs & values
    ]


def unsupported_counts(findings: Sequence[Sequence[UnsupportedFact]]) -> dict[str, float]:
    """Return the mean number of unsupported items a summary: `unsupported`, and by kind `unsupported_number`, …"""
    counts = Counter(finding.kind for of_summary in findings for finding in of_summary)
    means = {f"unsupported_{kind}": counts[kind] / len(findings) for kind in KINDS}
    return {"unsupported": counts.total() / len(findings), **means}


def _items(text: str) -> list[Item]:
    """Return all items, the more specific kinds first; what they take is read once."""
    taken = bytearray(len(text))
    return [*citation_items(text, taken), *date_items(text, taken), *number_items(text, taken)]
