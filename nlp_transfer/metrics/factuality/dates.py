"""Dates as contracts write them: days, months of a year, days without a year, and bare years.

"March 3, 2020", "3rd day of March, 2020" and "2020-03-03" are one day, which vouches for "March 2020", "March 3" and
2020 as well. 3/4/2020 is a day of March or of April. A day is vouched for by a day without its year, which often stands
elsewhere ("between March 3 and April 5, 2020").

dateparser, datefinder and dateutil fill in a day that is not written, so that "March 2020" would be March 1.
"""

import calendar
import re
from collections.abc import Iterator

from nlp_transfer.metrics.factuality.items import Item, Needs, Value, one_of, take
from nlp_transfer.metrics.factuality.numerals import ORDINAL_TEENS, ORDINAL_UNITS

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {"sept": 9}
_UNITS = ORDINAL_UNITS[1:]
_ORDINALS = [*_UNITS, *ORDINAL_TEENS, "twentieth", *(f"twenty-{word}" for word in _UNITS), "thirtieth", "thirty-first"]
_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
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
    """Yield the dates outside of what is taken; they are taken then.

    Args:
        text: any.
        taken: 1 for each character that belongs to an item of another kind.

    Example:
        >>> ("date", 2020, 3, 3) in next(date_items("March 3, 2020", bytearray(13))).vouches
        True
    """
    for pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span() if set(match.groupdict()) != {"year"} else match.span("year")
            if 1 not in taken[start:end] and (read := _read(match)):
                take(taken, start, end)
                yield Item("date", start, end, frozenset(read[0]), read[1])


def _read(match: re.Match[str]) -> tuple[list[Value], Needs] | None:
    """Return what a date vouches for and needs; None where there is no such day."""
    parts = {name: value for name, value in match.groupdict().items() if value}
    written = parts.get("year") or parts.get("hyphened")
    year = int(written) if written else None
    if year is not None and year < 100:
        year += 2000 if year < _THIS_CENTURY else 1900
    number = parts.get("numeric_month") or parts.get("only_month")
    month = int(number) if number else _MONTHS[parts["month"].lower()] if "month" in parts else 0
    if "left" not in parts and "day" not in parts:
        value: Value = ("month", year, month) if month else ("number", year)
        return [value, ("number", year)], one_of(value)
    pairs = [(month, _day(parts["day"]))] if "day" in parts else []
    if "left" in parts:
        left, right = int(parts["left"]), int(parts["right"])
        pairs = [(left, right), (right, left)]
    pairs = [pair for pair in dict.fromkeys(pairs) if _exists(year, *pair)]
    # "may 5" and "DEC 3" are mostly no dates.
    if not pairs or (year is None and not _is_month(parts["month"])):
        return None
    vouches: list[Value] = [("day", *pair) for pair in pairs]
    if year is None:  # "5 March" may be no date at all: its number counts too
        vouches += [value for pair in pairs for value in (("yearless", *pair), ("number", pair[1]))]
        return vouches, one_of(*(("day", *pair) for pair in pairs))
    vouches += [value for pair in pairs for value in (("date", year, *pair), ("month", year, pair[0]))]
    needed = [value for pair in pairs for value in (("date", year, *pair), ("yearless", *pair))]
    return [*vouches, ("number", year)], one_of(*needed)


def _is_month(word: str) -> bool:
    return word[0].isupper() and (len(word) > 4 or word in ("May", "JUNE", "JULY") or word[1:].islower())


def _day(written: str) -> int:
    word = written.lower()
    return _ORDINALS.index(word) + 1 if word in _ORDINALS else int(re.sub(r"\D", "", written))


def _exists(year: int | None, month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year or 2000, month)[1]
