"""Dates as contracts write them: days, months of a year, days without a year, and bare years.

"March 3, 2020" and "2020-03-03" are one day, which vouches for "March 2020", "March 3" and 2020 as well. 3/4/2020 is a
day of March or of April. A day without its year vouches for a day, because the year often stands elsewhere.
"""

import calendar
import re
from collections.abc import Iterator

from nlp_transfer.metrics.factuality.numbers import ORDINAL_TEENS, ORDINAL_UNITS, Item, Value, take

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
        r"(?<![\d/.-])(?P<year>\d{4})(?P<sign>[-/])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?![\d/-])",
        r"(?<![\d/.-])(?P<month>\d{1,2})(?P<mark>[-/.])(?P<day>\d{1,2})(?P=mark)(?P<year>\d{4})(?![\d/-])",
        r"(?<![\d/.-])(?P<month>\d{1,2})(?P<mark>/)(?P<day>\d{1,2})/(?P<year>\d{2})(?![\d/-])",
        rf"(?<![\d/.-])(?P<year>\d{{4}})[ -]{_MONTH}[ -]{_DAY}",
        rf"\b{_DAY}-{_MONTH}-(?P<year>\d{{4}})\b",
        rf"\b{_DAY}{_GAP}(?:day\s+)?(?:of\s+)?{_MONTH}{_OF_YEAR}",
        rf"\b{_MONTH}{_GAP}(?:the\s+)?{_DAY}{_OF_YEAR}",
        rf"\b{_MONTH}{_OF_YEAR}",
        r"(?<![\d/.-])(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[012])(?![\d/-])",
        rf"\b{_MONTH}\s(?:the\s+)?{_DAY}(?!\s*(?:days|months|years|%)|[.,]\d)",
        rf"\b{_DAY}{_GAP}(?:day\s+)?(?:of\s+)?{_MONTH}",
        rf"\b(?:in|of|since|until|till|by|year|before|after|during|from|through|to|©|\(c\))\s{_YEAR}(?![,.]?\d|\s*%)",
    )
]


def date_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Yield the dates outside of what is taken, and take them; see `take`.

    Example:
        >>> ("date", 2020, 3, 3) in next(date_items("March 3, 2020", bytearray(13))).vouches
        True
    """
    items = (_read(match) for pattern in _PATTERNS for match in pattern.finditer(text))
    return (item for item in items if item is not None and take(taken, item))


def _read(match: re.Match[str]) -> Item | None:
    """Return a date; None where there is no such day."""
    parts = {name: value for name, value in match.groupdict().items() if value}
    year, month = int(parts["year"]) if "year" in parts else None, parts.get("month", "0").lower()
    if year is not None and year < 100:
        year += 2000 if year < 70 else 1900
    number = int(month) if month.isdigit() else _MONTHS[month]
    if "day" not in parts:
        value: Value = ("month", year, number) if number else ("number", year)
        start, end = match.span() if number else match.span("year")
        return Item("date", start, end, frozenset([value, ("number", year)]), frozenset([value]))
    day = parts["day"].lower()
    pair = number, _ORDINALS.index(day) + 1 if day in _ORDINALS else int(re.sub(r"\D", "", day))
    # 3/4/2020 may be March 4 or April 3.
    either = {pair, pair[::-1]} if "mark" in parts else {pair}
    pairs = [(m, d) for m, d in either if 1 <= m <= 12 and 1 <= d <= calendar.monthrange(year or 2000, m)[1]]
    # "may 5" and "DEC 3" are mostly no dates.
    named = parts["month"].istitle() or (parts["month"].isupper() and len(month) > 3)
    if not pairs or (year is None and not named):
        return None
    vouches: set[Value] = {("day", *pair) for pair in pairs}
    if year is None:  # "5 March" may be no date at all: its number counts too
        needs = set(vouches)
        vouches |= {value for pair in pairs for value in (("yearless", *pair), ("number", pair[1]))}
    else:
        needs = {value for pair in pairs for value in (("date", year, *pair), ("yearless", *pair))}
        vouches |= {value for m, d in pairs for value in (("date", year, m, d), ("month", year, m), ("number", year))}
    return Item("date", *match.span(), frozenset(vouches), frozenset(needs))
