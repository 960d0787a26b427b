"""Numbers, dates, amounts and citations of a summary that its document lacks.

Each item of the summary is looked for by value in the whole document, whatever its spelling. This finds inventions, not
errors of meaning. Nothing is reported in doubt: numbers that are parts of words, "one", ordinals in words, numbers of
lists. What is rounded or counted up ("about $4,000" of $4,083, "three options" of a list) is reported.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nlp_transfer.metrics.factuality.citations import citation_items
from nlp_transfer.metrics.factuality.dates import date_items
from nlp_transfer.metrics.factuality.items import KINDS, Item, Value
from nlp_transfer.metrics.factuality.numbers import number_items

# Letters that a pattern without case takes for i, s and k, and the dashes, each as one that is written everywhere.
_PLAIN = str.maketrans({"ſ": "s", "ı": "i", "İ": "I", "\u212a": "K", "‐": "-", "‑": "-", "–": "-", "−": "-", "\0": " "})


@dataclass(frozen=True)
class UnsupportedFact:
    """Keep an item of a summary that its document lacks.

    Args:
        kind: of `KINDS`.
        text: as the summary has it.
        start: its first character in the summary.
        end: the one after its last.
    """

    kind: str
    text: str
    start: int
    end: int


class SourceItems:
    """Read the items of a document once for all summaries of it, in time that grows with its length.

    Args:
        text: the document.
    """

    def __init__(self, text: str) -> None:
        self.text = text.translate(_PLAIN)

    @cached_property
    def values(self) -> frozenset[Value]:
        """The values that the document vouches for."""
        return frozenset(value for item in _items(self.text) for value in item.vouches)


def unsupported(summary: str, document: str | SourceItems) -> list[UnsupportedFact]:
    """Return the items of a summary that its document lacks, in their order.

    Args:
        summary: any text.
        document: its document; `SourceItems` where there are more summaries of it.

    Returns:
        Offsets count characters of the summary. An item is of one kind: no number is found inside a date, an amount or
        a citation.

    Example:
        >>> [fact.text for fact in unsupported("Ten days and $5.", "10 days for $6")]
        ['$5']
    """
    source = document if isinstance(document, SourceItems) else SourceItems(document)
    text = summary.translate(_PLAIN)
    return [
        UnsupportedFact(item.kind, summary[item.start : item.end], item.start, item.end)
        for item in _merged(_items(text), text)
        if item.needs and not any(alternative <= source.values for alternative in item.needs)
    ]


def unsupported_counts(findings: Sequence[Sequence[UnsupportedFact]]) -> dict[str, float]:
    """Return the mean number of unsupported items a summary: `unsupported`, and by kind `unsupported_number`, …

    Args:
        findings: of each summary; one at least.
    """
    counts = Counter(finding.kind for of_summary in findings for finding in of_summary)
    means = {f"unsupported_{kind}": counts[kind] / len(findings) for kind in KINDS}
    return {"unsupported": counts.total() / len(findings), **means}


def _items(text: str) -> list[Item]:
    """Return all items, the more specific kinds first; what they take is read once."""
    taken = bytearray(len(text))
    return [*citation_items(text, taken), *date_items(text, taken), *number_items(text, taken)]


def _merged(items: Sequence[Item], text: str) -> list[Item]:
    """Return items in their order, "five (5)" as one of them."""
    merged: list[Item] = []
    for item in sorted(items, key=lambda one: (one.start, one.end)):
        before = merged[-1] if merged else None
        bracketed = before is not None and text[before.end : item.start].strip() == "("
        if before is not None and bracketed and before.kind == item.kind and before.vouches & item.vouches:
            end = item.end + 1 if text[item.end : item.end + 1] == ")" else item.end
            needs = (*before.needs, *item.needs)
            merged[-1] = Item(item.kind, before.start, end, before.vouches | item.vouches, needs)
        else:
            merged.append(item)
    return merged
