"""References to sections, articles, clauses and the like, and the headings that they may refer to.

"Section 4.2(a)", "Sec. 4.2(a)" and "§ 4.2 (a)" are one place; so are "Article IV" and "Article 4". A place stands in a
document that refers to it or to a part of it, or that has a line which begins with its number; of "(a)" a document
needs no more than that letter in brackets somewhere, as it stands alone before its clause. Each member of "Sections 3,
4 and 5" is an item. "3-5" is a range after a plural, else it may also be one number ("UCC § 9-102").
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from nlp_transfer.metrics.factuality.items import Item, Needs, Value

_FAMILIES = {
    "section": r"sections?|sect?s?\.|sec|§{1,2}|clauses?|cls?\.|paragraphs?|paras?\b\.?|subsections?",
    "article": r"articles?|arts?\.|art",
    "rule": r"rules?",
    "schedule": r"schedules?",
    "exhibit": r"exhibits?",
    "annex": r"annex(?:es)?|appendix|appendices",
    "chapter": r"chapters?",
    "part": r"parts?",
}
_LABEL = "|".join(f"(?P<{family}>{pattern})" for family, pattern in _FAMILIES.items())
_SUB = r"(?:\s?\((?:\d{1,3}|[A-Za-z]{1,2}|[ivxlcIVXLC]{1,5})\))"
_NUMBER = rf"\d{{1,5}}[A-Za-z]?\b(?:[.-]\d+[A-Za-z]?\b)*{_SUB}{{0,6}}"
_PLACE = rf"(?:{_NUMBER}|(?-i:[IVXLC]+\b|[A-Z]\b(?!['’])(?:-\d+)?){_SUB}{{0,6}})"
_REFERENCE = re.compile(rf"(?:\b|(?=§))(?:{_LABEL})\s{{0,2}}(?:nos?\.\s)?(?P<place>{_PLACE})", re.IGNORECASE)
_UNIT = (
    r"(?!\s*[%$€£]|[\s-]+(?:\(|per\s?cent|business|calendar|days?|weeks?|months?|years?|hours?|dollars?|thousand|million"
    r"|billion|shares?|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)|[,.]\d"
    r"|\s(?-i:[A-Z])[\w.]*\.)"  # "Section 12.212 or 48 C.F.R."
)
"""After a number that goes on a list there is none of these, or it is a number of its own."""
_NEXT = re.compile(
    rf"(?:\s?,\s?(?:and\s|or\s|and/or\s)?|\s(?:and|or|and/or|to|through|&)\s)§?\s?(?P<place>{_NUMBER}){_UNIT}",
    re.IGNORECASE,
)
_PLURAL = re.compile(r"s\.?\Z|§§\Z|es\Z", re.IGNORECASE)

_HEADING = re.compile(
    r"^[ \t#*>•-]{0,20}(?:(?P<number>\d{1,3}(?:\.\d{1,3})*)|(?P<roman>[IVXLC]{1,6}))"
    r"(?:(?P<mark>[.)]{1,2})[ \t]*|[ \t]+)"
    r"(?=[\"“„'‘`*(]{0,3}[^\W\d_]|\s*\Z)",
    re.MULTILINE,
)
_MARK = re.compile(r"\((\d{1,3}|[A-Za-z]{1,5})\)")
_ROMAN = re.compile(r"(?:X[LC]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}


LONGEST_RANGE = 200
"""Sections of "§§ 3-9" that are vouched for one by one."""


def section_items(text: str, taken: bytearray) -> Iterator[Item]:
    """References outside of what is taken, which are taken then, and what can be referred to.

    Args:
        text: any.
        taken: 1 for each character that belongs to an item of another kind.
    """
    for match in _REFERENCE.finditer(text):
        if 1 in taken[match.start() : match.end()]:
            continue
        family = next(name for name in _FAMILIES if match[name])
        plural = bool(_PLURAL.search(match[family]))
        start, found = match.start(), match
        while True:
            end = found.end()
            taken[start:end] = b"\1" * (end - start)
            yield _item(family, found["place"], start, end, plural=plural, listed=found is not match)
            following = next_in_list(text, end)
            if following is None or 1 in taken[following.start() : following.end()]:
                break
            start, found = following.start("place"), following
    yield from _headings(text, taken)
    for mark in {match[1].lower() for match in _MARK.finditer(text)}:
        yield Item("section", 0, 0, frozenset([("mark", mark)]), ())


def next_in_list(text: str, end: int) -> re.Match[str] | None:
    """The next of several numbers of sections, its `place`, after one that ends here; None where the list ends."""
    return _NEXT.match(text, end)


def _item(family: str, place: str, start: int, end: int, *, plural: bool, listed: bool) -> Item:
    whole = _parts(place)
    vouches = set(_prefixes(family, whole))
    if listed:
        # In a document the list may have ended before: "under Section 4, 5 directors".
        vouches |= {("number", Decimal(part)) for part in whole if part.isdecimal()}
    needs = _needs(family, whole)
    ends = place.split("-")
    if len(ends) == 2 and all(ends):
        first, last = _parts(ends[0]), _parts(ends[1])
        vouches |= {*_prefixes(family, first), *_prefixes(family, last)}
        if first[0].isdecimal() and last[0].isdecimal() and len(first) == len(last) == 1:
            between = range(int(first[0]), min(int(last[0]), int(first[0]) + LONGEST_RANGE))
            vouches |= {(family, str(number)) for number in between}
        both = tuple(one | other for one in _needs(family, first) for other in _needs(family, last))
        needs = (needs + both) if plural or len(last) == 1 else needs
    return Item("section", start, end, frozenset(vouches), needs)


def _needs(family: str, parts: tuple[str, ...]) -> Needs:
    """The place itself, as referred to or as a heading; or what it is a part of, and its letters in brackets."""
    found: list[frozenset[Value]] = []
    for name in (family, "heading"):
        found.append(frozenset([(name, *parts)]))
        for length in range(1, len(parts)):
            marks = [("mark", part) for part in parts[length:]]
            found.append(frozenset([(name, *parts[:length]), *marks]))
    return tuple(found)


def _prefixes(family: str, parts: tuple[str, ...]) -> list[Value]:
    return [(family, *parts[:length]) for length in range(1, len(parts) + 1)]


def _parts(place: str) -> tuple[str, ...]:
    """ "4.2(a)" as 4, 2, a; a Roman number at the beginning as a number."""
    parts = re.findall(r"[^\W_]+", place)
    first = _roman(parts[0]) or parts[0].lower().lstrip("0") or "0"
    return (first, *(part.lower() for part in parts[1:]))


def _roman(written: str) -> str:
    """The number, in digits; nothing if it is none. A lone C or L is a letter."""
    if not _ROMAN.fullmatch(written) or not written or written in ("C", "L"):
        return ""
    values = [_ROMAN_DIGITS[letter] for letter in written]
    return str(sum(-one if one < other else one for one, other in zip(values, [*values[1:], 0], strict=True)))


def _headings(text: str, taken: bytearray) -> Iterator[Item]:
    """Numbers at the beginnings of lines; those that are surely no quantity are taken."""
    for match in _HEADING.finditer(text):
        if 1 in taken[match.start() : match.end()]:
            continue
        parts = _parts(match["number"] or match["roman"])
        first, last = match.span("number" if match["number"] else "roman")
        before = text[max(0, match.start() - 80) : match.start()].rstrip()
        if (match["mark"] or len(parts) > 1) and (
            not before or before[-1] in '.;:!?,)”"' or before.endswith((" and", " or"))
        ):
            taken[first:last] = b"\1" * (last - first)
        yield Item("section", first, last, frozenset(_prefixes("heading", parts)), ())
