"""Citations of decisions and of law, read by eyecite; codes and federal rules by patterns of their own.

eyecite cuts "17 C.F.R. § 240.10b-5" after 240, leaves out subsections, and does not know "42 USC 1983" or "Fed. R. Civ.
P. 12(b)(6)". A part of a section vouches for the section. eyecite is slow, so that it reads only the surroundings of
what may be a citation.
Reference: Cushman et al. (2021), eyecite: A tool for parsing legal citations, https://doi.org/10.21105/joss.03617
"""

import re
from collections.abc import Iterator

from nlp_transfer.metrics.factuality.items import Item, Value, one_of, take

_SUB = r"(?:\s?\([A-Za-z0-9]{1,5}\))*"
_SECTION = rf"(?P<section>\d+[A-Za-z]*(?:[.-]\d+[A-Za-z]*)*{_SUB})"
_CODE = re.compile(
    r"(?<![\w/.-])(?P<title>\d{1,2})\s(?:(?P<usc>U\.?\s?S\.?\s?C\.?(?:\s?[AS]\.?)?)|C\.?\s?F\.?\s?R\.?)"
    rf"\s?(?:§{{1,2}}|Sec(?:tions?|s?\.)|Parts?)?\s?{_SECTION}(?![\d/])"
)
_NEXT = re.compile(
    rf"(?:\s?,\s?(?:and\s|or\s)?|\s(?:and|or|to|through|&)\s)§?\s?{_SECTION}"
    r"(?!\w|[,.]\d|\s*[%$€£]|\s[A-Z]|[\s-](?:per\s?cent|business|calendar|day|week|month|year|hour|dollar|thousand|[mb]illion))"
)
"""The next of several sections: "41 CFR Parts 60-1, 60-250 and 60-741"; no number with a unit of its own."""
_RULE = re.compile(
    rf"\bFed(?:\.|eral)\s?R(?:\.|ules?)\s?(?:of\s)?(?P<rules>Civ|Crim|App|Evid|Bankr)[a-z]*\.?\s?"
    rf"(?:P(?:\.|rocedure)\s?)?(?:Rules?\s)?{_SECTION}"
    r"|\b(?P<short>FRCP|FRCrP|FRAP|FRE)\s(?:Rules?\s)?(?P<short_section>\d+(?:\.\d+)?(?:\([A-Za-z0-9]{1,5}\))*)"
)
_SHORT = {"FRCP": "civ", "FRCrP": "crim", "FRAP": "app", "FRE": "evid"}

_CANDIDATE = re.compile(r"\b\d+\s{1,2}(?:[A-Z][\w’']*\.|[A-Z]{1,6}\b)|§|\bPub\.\s?L")
_AROUND = 120
"""Characters before and after a candidate that eyecite sees."""


def citation_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Yield the citations outside of what is taken; they are taken then.

    Args:
        text: any.
        taken: 1 for each character that belongs to an item of another kind.

    Example:
        >>> [item.kind for item in citation_items("42 U.S.C. § 1983", bytearray(16))]
        ['citation']
    """
    return (item for item in (*_codes_and_rules(text), *_known(text)) if take(taken, item.start, item.end))


def _codes_and_rules(text: str) -> Iterator[Item]:
    for match in _CODE.finditer(text):
        work = ("usc" if match["usc"] else "cfr", match["title"])
        yield _item(*match.span(), work, match["section"])
        following = _NEXT.match(text, match.end())
        while following is not None:
            yield _item(following.start("section"), following.end(), work, following["section"])
            following = _NEXT.match(text, following.end())
    for match in _RULE.finditer(text):
        rules = match["rules"].lower() if match["rules"] else _SHORT[match["short"]]
        yield _item(*match.span(), ("federal rules", rules), match["section"] or match["short_section"])


def _item(start: int, end: int, work: tuple[str, str], section: str) -> Item:
    parts = re.findall(r"[^\W_]+", section.lower())
    values: list[Value] = [("citation", *work, *parts[: length + 1]) for length in range(len(parts))]
    return Item("citation", start, end, frozenset(values), one_of(values[-1]))


def _known(text: str) -> Iterator[Item]:
    """Yield full citations of eyecite's tokenizer; its `get_citations` also logs the text."""
    from eyecite.models import CitationToken
    from eyecite.tokenizers import default_tokenizer

    for first, last in _windows(text):
        for _, token in default_tokenizer.tokenize(text[first:last])[1]:
            if not isinstance(token, CitationToken) or token.short:
                continue
            if text[max(0, first + token.start - 2) : first + token.start].rstrip().endswith("§"):
                continue  # "§ 823 Abs. 1" is no volume of the Ohio Law Abstract
            groups = {name: value for name, value in token.groups.items() if value}
            editions = token.exact_editions or token.variation_editions
            groups["reporter"] = min((edition.short_name for edition in editions), default=groups.get("reporter", ""))
            key = sorted((name, re.sub(r"[\s.§]", "", value).lower()) for name, value in groups.items())
            value: Value = ("citation", *key)
            yield Item("citation", first + token.start, first + token.end, frozenset([value]), one_of(value))


def _windows(text: str) -> list[tuple[int, int]]:
    """Return the surroundings of what may be a citation; those that touch are one."""
    windows: list[tuple[int, int]] = []
    for match in _CANDIDATE.finditer(text):
        start, end = max(0, match.start() - _AROUND), min(len(text), match.end() + _AROUND)
        if windows and start <= windows[-1][1]:
            start = windows.pop()[0]
        windows.append((start, end))
    return windows
