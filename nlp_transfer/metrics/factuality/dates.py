"""Dates as contracts write them: days, months of a year, days without a year, and bare years.

"March 3, 2020", "3rd day of March, 2020" and "2020-03-03" are one day, which vouches for "March 2020", "March 3" and
2020 as well. 3/4/2020 is a day of March or of April. A day is vouched for by a day without its year, which often stands
elsewhere ("between March 3 and April 5, 2020").

dateparser and datefinder were tried: the first finds dates in "five (5)" and "one may"; both, and dateutil, fill in
a day that is not written, so that "March 2020" cannot be told from March 1.
"""

import calendar
import datetime
import re
from collections.abc import Iterator

from nlp_transfer.metrics.factuality.items import Item, Needs, Value, one_of

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth twenty-fifth
twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first
""".split()  # noqa: SIM905

_LONGEST_FIRST = sorted(_MONTHS, key=len, reverse=True)
_MONTH = rf"(?P<month>{'|'.join(_LONGEST_FIRST)})\b\.?"
_DAY = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})\b"
_YEAR = r"(?P<year>(?:1[6-9]|20|21)\d\d)\b"
_OF_YEAR = rf"\s*,?\s*(?:(?:of\s+)?(?:the\s+year\s+)?|in\s+){_YEAR}"
_GAP = r"[\s-]\s?"

_PATTERNS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d/.-])(?P<year>\d{4})(?P<mark>[-/])(?P<numeric_month>\d{1,2})(?P=mark)(?P<day>\d{1,2})(?![\d/-])",
        r"(?<![\d/.-])(?P<left>\d{1,2})(?P<mark>[-/.])(?P<right>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\d/-])",
        r"(?<![\d/.-])(?P<left>\d{1,2})/(?P<right>\d{1,2})/(?P<year>\d{2})(?![\d/-])",
        rf"(?<![\d/.-])(?P<year>\d{{4}})[ -]{_MONTH}[ -]{_DAY}",
        rf"\b{_DAY}{_GAP}(?:day\s+)?(?:of\s+)?{_MONTH}(?:{_OF_YEAR}|-(?P<hyphened>\d{{4}})\b)",
        rf"\b{_MONTH}{_GAP}(?:the\s+)?{_DAY}{_OF_YEAR}",
        rf"\b{_MONTH}{_OF_YEAR}",
        r"(?<![\d/.-])(?P<year>(?:19|20)\d\d)-(?P<only_month>0[1-9]|1[012])(?![\d/-])",
        rf"\b{_MONTH}\s(?:the\s+)?{_DAY}(?!\s*(?:days|months|years|%)|[.,]\d)",
        rf"\b{_DAY}{_GAP}(?:day\s+)?(?:of\s+)?{_MONTH}",
        rf"\b(?:in|of|since|until|till|by|year|before|after|during|from|through|to|©|\(c\))\s{_YEAR}(?![,.]?\d|\s*%)",
    )
]
_THIS_CENTURY = 70
"""Two digits below are years of this century."""


def date_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Dates outside of what is taken; they are taken then.

    Args:
        text: any.
        taken: 1 for each character that belongs to an item of another kind.
    """
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if set(match.groupdict()) == {"year"}:
                start = match.start("year")  # without "in"
            if 1 in taken[start:end]:
                continue
            item = _item(match, start)
            if item is not None:
                taken[start:end] = b"\1" * (end - start)
                yield item


def _item(match: re.Match[str], start: int) -> Item | None:
    """What a match says; None where there is no such day."""
    parts = match.groupdict()
    written = parts.get("year") or parts.get("hyphened")
    year = int(written) if written else None
    if year is not None and year < 100:
        year += 2000 if year < _THIS_CENTURY else 1900
    if parts.get("left"):
        left, right = int(parts["left"]), int(parts["right"])
        pairs = [(left, right), (right, left)]
    elif parts.get("day"):
        month = int(parts["numeric_month"]) if parts.get("numeric_month") else _MONTHS[parts["month"].lower()]
        pairs = [(month, _day(parts["day"]))]
    elif parts.get("month") or parts.get("only_month"):
        month = _MONTHS[parts["month"].lower()] if parts.get("month") else int(parts["only_month"])
        return _made(match, start, [("month", year, month), ("number", year)], one_of(("month", year, month)))
    else:
        return _made(match, start, [("number", year)], one_of(("number", year)))
    pairs = [pair for pair in dict.fromkeys(pairs) if _exists(year, *pair)]
    # "may 5" and "DEC 3" are mostly no dates.
    if not pairs or (year is None and not _is_month(parts["month"])):
        return None
    vouches: list[Value] = []
    needs: Needs = ()
    for month, day in pairs:
        vouches.append(("day", month, day))
        if year is None:
            # "5 March" may be no date at all: its number counts too.
            vouches += [("yearless", month, day), ("number", day)]
            needs += one_of(("day", month, day))
        else:
            vouches += [("date", year, month, day), ("month", year, month), ("number", year)]
            needs += one_of(("date", year, month, day), ("yearless", month, day))
    return _made(match, start, vouches, needs)


def _is_month(word: str) -> bool:
    return word[0].isupper() and (len(word) > 4 or word in ("May", "JUNE", "JULY") or word[1:].islower())


def _made(match: re.Match[str], start: int, vouches: list[Value], needs: Needs) -> Item:
    return Item("date", start, match.end(), frozenset(vouches), needs)


def _day(written: str) -> int:
    word = written.lower()
    return _ORDINALS.index(word) + 1 if word in _ORDINALS else int(re.sub(r"\D", "", written))


def _exists(year: int | None, month: int, day: int) -> bool:
    try:
        datetime.date(year or 2000, month, day)
    except ValueError:
        return False
    return True
