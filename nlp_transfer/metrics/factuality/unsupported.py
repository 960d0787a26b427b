"""What a summary says in numbers, dates, amounts, references, citations and names that its document does not.

An extract repeats its document; a summary in a model's own words may put in what stands nowhere. What can be compared
by value is: each item of the summary is looked for in the whole document, whatever its spelling. That an item stands in
the document does not make the sentence around it right: this finds inventions, not errors of meaning. Nothing is
reported in doubt: numbers that are parts of words, "one", ordinals in words, numbers of lists. The number of a section
or of a heading vouches for no quantity, else "ten days" would stand in every document of ten clauses. What is rounded
or counted up ("about $4,000" of $4,083, "three options" of a list) is reported.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nlp_transfer.metrics.factuality.casing import cased
from nlp_transfer.metrics.factuality.citations import citation_items
from nlp_transfer.metrics.factuality.dates import date_items
from nlp_transfer.metrics.factuality.items import KINDS, Item, Value
from nlp_transfer.metrics.factuality.numbers import number_items
from nlp_transfer.metrics.factuality.parties import name_words, parties, stands_in
from nlp_transfer.metrics.factuality.sections import section_items

# Letters that a pattern without case takes for i, s and k, and the dashes, each as one that is written everywhere.
_PLAIN = str.maketrans({"ſ": "s", "ı": "i", "İ": "I", "\u212a": "K", "‐": "-", "‑": "-", "–": "-", "−": "-", "\0": " "})


_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class UnsupportedFact:
    """An item of a summary that its document lacks.

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
    """What a document vouches for: read once for all summaries of it, in time that grows with its length.

    Args:
        text: the document.
    """

    def __init__(self, text: str) -> None:
        self.text = text.translate(_PLAIN)

    @cached_property
    def values(self) -> frozenset[Value]:
        """Of numbers, dates, amounts and references."""
        return frozenset(value for item in _items(self.text, bytearray(len(self.text))) for value in item.vouches)

    @cached_property
    def citations(self) -> frozenset[Value]:
        """Of citations, which few summaries have and which take the longest."""
        taken = bytearray(len(self.text))
        return frozenset(value for item in citation_items(self.text, taken) for value in item.vouches)

    @cached_property
    def words(self) -> str:
        """Of names, with one space around each."""
        return f" {' '.join(name_words(self.text))} "

    @cached_property
    def companies(self) -> frozenset[tuple[str, str]]:
        """Names with their corporate endings."""
        return frozenset((name, one.ending) for one in parties(self.text) if one.ending for name in one.names)


def unsupported(summary: str, document: str | SourceItems) -> list[UnsupportedFact]:
    """The items of a summary that its document lacks, in their order.

    Args:
        summary: any text.
        document: what it is of; `SourceItems` where there are more summaries of it.

    Returns:
        Offsets count characters of the summary. An item is of one kind: no number is found inside a date, an amount, a
        reference or a citation.
    """
    source = document if isinstance(document, SourceItems) else SourceItems(document)
    given = summary.translate(_PLAIN)
    text = cased(given, source.text)
    taken = bytearray(len(text))
    found: list[tuple[str, int, int]] = []
    for item in citation_items(text, taken):
        if not _stands(item, source.citations):
            found.append((item.kind, item.start, item.end))
    for party in parties(text):
        if 1 in taken[party.start : party.end]:
            continue
        taken[party.start : party.end] = b"\1" * (party.end - party.start)
        tried = [party]
        if text != given:  # capitals were put in, and the verb before a name may have got one: "Sued Acme Inc."
            starts = [match.end() + party.start for match in _SPACE.finditer(text[party.start : party.end])]
            tried += [one for start in starts for one in parties(text[start : party.end])]
        if not any(stands_in(one, source.words, source.companies) for one in tried):
            found.append(("party", party.start, party.end))
    for item in _one_of_two(_items(text, taken), text):
        if item.needs and not _stands(item, source.values):
            found.append((item.kind, item.start, item.end))
    return [
        UnsupportedFact(kind, summary[start:end], start, end)
        for kind, start, end in sorted(found, key=lambda one: one[1:])
    ]


def unsupported_counts(findings: Sequence[Sequence[UnsupportedFact]]) -> dict[str, float]:
    """How many items of a summary its document lacks, as means over summaries: `unsupported`, `unsupported_number`, …

    Args:
        findings: of each summary; one at least.
    """
    counts = Counter(finding.kind for of_summary in findings for finding in of_summary)
    means = {f"unsupported_{kind}": counts[kind] / len(findings) for kind in KINDS}
    return {"unsupported": counts.total() / len(findings), **means}


def _items(text: str, taken: bytearray) -> list[Item]:
    """Items but for citations and parties, the more specific first; what they take grows."""
    return [*section_items(text, taken), *date_items(text, taken), *number_items(text, taken)]


def _stands(item: Item, values: frozenset[Value]) -> bool:
    return any(alternative <= values for alternative in item.needs)


def _one_of_two(items: Sequence[Item], text: str) -> list[Item]:
    """Items in their order, "five (5)" as one of them."""
    found: list[Item] = []
    for item in sorted(items, key=lambda one: (one.start, one.end)):
        before = found[-1] if found else None
        if (
            before is not None
            and before.kind == item.kind
            and text[before.end : item.start].strip() == "("
            and before.vouches & item.vouches
        ):
            end = item.end + 1 if text[item.end : item.end + 1] == ")" else item.end
            needs = (*before.needs, *item.needs)
            found[-1] = Item(item.kind, before.start, end, before.vouches | item.vouches, needs)
        else:
            found.append(item)
    return found
