"""Plain numbers, percentages and amounts of money: a numeral, and what stands beside it.

"ten", "10" and "ten (10)" are one number, "10%" and "ten per cent" another; "$1,000,000", "USD 1 million" and
"1,000,000 dollars" are one amount. A bare "$" may be any dollar; "US$" is no Canadian one. A span of time is the same
in another unit: 36 months are three years. A number is vouched for by an amount or a share of its size, an amount by a
bare number from `LARGE` on only (a table names its currency once), a percentage by a percentage.

price-parser was tried: it finds one price in a text, without its place, and takes "4.2" for one.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from nlp_transfer.metrics.factuality.items import Item, Needs, Value, one_of
from nlp_transfer.metrics.factuality.numerals import Numeral, numerals

LARGE = 1000
"""Amounts that a bare number vouches for."""

_DOLLARS = {"USD": "US", "CAD": "CA?", "AUD": "AU?", "NZD": "NZ", "HKD": "HK", "SGD": "S"}
_CODES = ("USD", "EUR", "GBP", "CHF", "CAD", "AUD", "NZD", "HKD", "SGD", "JPY", "CNY", "INR", "SEK", "NOK", "DKK")
_SIGNS = {"$": "$", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_NAMES = {"dollar": "$", "euro": "EUR", "pound": "GBP", "franc": "CHF", "cent": "cent"}

_BEFORE = re.compile(
    rf"(?:\b(?P<place>U\.S\.|[A-Z]{{1,2}})\s?)?(?P<sign>[$€£¥₹])\s?\Z|\b(?P<code>{'|'.join(_CODES)})\s?\Z"
)
_GAP = r"\s*(?:\(\s*[$€£]?\s?[\d.,]+\s?%?\s*\)|\))?\s*(?:and\s+(?:no|\d\d)/100\s+)?"
"""Between a number and its unit: "five (5) days", "(5) days", "One Million and No/100 Dollars"."""
_AFTER = re.compile(
    rf"{_GAP}(?:(?P<code>(?:{'|'.join(_CODES)}))\b|(?P<sign>[€£]|\$(?!\s?\d))"
    rf"|(?P<place>U\.?\s?S\.?\s|United\sStates\s|Canadian\s|Australian\s)?(?P<name>{'|'.join(_NAMES)})s?\b)",
    re.IGNORECASE,
)
_PLACES = {"u": "USD", "c": "CAD", "a": "AUD"}
_PERCENT = re.compile(
    r"(?P<range>\s*(?:-|to|or)\s*\d+(?:\.\d+)?)?"  # 10-15 %
    rf"{_GAP}(?:%|(?:per\s?cent(?:um)?|pct|percentage\spoints?)\b)",
    re.IGNORECASE,
)
_TIME = re.compile(
    rf"[\s-]?{_GAP}(?:(?:calendar|business|consecutive|full)[\s-])?(?P<unit>year|month|week|day|hour)s?\b",
    re.IGNORECASE,
)
_SPANS = {
    "year": ("months", 12),
    "month": ("months", 1),
    "week": ("hours", 168),
    "day": ("hours", 24),
    "hour": ("hours", 1),
}
_ONE_SPAN = re.compile(r"\ban?\s+(?P<unit>year|month|week|day|hour)\b", re.IGNORECASE)
_RANGE = re.compile(r"\s*(?:-|to)\s*[$€£]?\s?[\d.,]+\s?(?P<scale>thousand|million|billion)\b", re.IGNORECASE)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_BEFORE_NEXT = re.compile(r"(?:\A|[.;:,]|\b(?:and|or))\s*\Z")
"""What stands before the number of a member of a list."""
_LOOK_BEHIND = 10
"""Characters before a number that may hold its currency."""


def number_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Numbers and amounts outside of what is taken.

    Args:
        text: any.
        taken: 1 for each character that belongs to an item of another kind.
    """
    ends: set[int] = set()
    for numeral in sorted(numerals(text), key=lambda one: one.start):
        if 1 in taken[numeral.start : numeral.end]:
            continue
        ends.add(numeral.end)
        yield _item(text, numeral, listed=_is_enumerator(text, numeral, ends))
    for match in _ONE_SPAN.finditer(text):
        yield Item("number", match.start(), match.end(), frozenset([_span(match["unit"], Decimal(1))]), ())


def _is_enumerator(text: str, numeral: Numeral, ends: set[int]) -> bool:
    """Whether a number numbers an item of a list: "(1) the fee, 2. The term", unlike "five (5)"."""
    if numeral.end - numeral.start > 2:
        return False
    before = text[max(0, numeral.start - _LOOK_BEHIND) : numeral.start]
    after = text[numeral.end : numeral.end + 3]
    if before.endswith("(") and after.startswith(")"):
        return numeral.start - len(before) + len(before[:-1].rstrip()) not in ends
    return bool(after[:1] in (".", ")") and after[1:2].isspace() and _BEFORE_NEXT.search(before))


def _item(text: str, numeral: Numeral, *, listed: bool) -> Item:
    start, end, values = numeral.start, numeral.end, list(numeral.values)
    if match := _RANGE.match(text, end):  # "$5 to 10 million"
        values += [value * _SCALES[match["scale"].lower()] for value in values if isinstance(value, Decimal)]
    numbers = [value for value in values if isinstance(value, Decimal)]
    if money := _currency(text, start, end):
        start, end, currency = money
        vouches, needs = _amounts(currency, numbers)
        return Item("money", start, end, frozenset(vouches), needs if not numeral.vague else ())
    vouches = [("number", value) for value in values]
    needs = one_of(*vouches, *(("amount", value) for value in values))
    vouches += [("percent", 100 * value) for value in numbers if 0 < value < 1]
    # Version 1.1.8 is called 1.1 too.
    vouches += [("number", Decimal(".".join(value.split(".")[:2]))) for value in values if isinstance(value, str)]
    if match := _PERCENT.match(text, end):
        end = end if match["range"] else match.end()
        vouches += [("percent", value) for value in values]
        return Item("number", start, end, frozenset(vouches), one_of(*(("percent", value) for value in values)))
    counted = not numeral.vague
    if match := _TIME.match(text, end):
        spans = [_span(match["unit"], value) for value in numbers]
        vouches += spans
        needs += one_of(*spans)
        counted = counted or text[start:end].lower() == "one"
    return Item("number", start, end, frozenset(vouches), needs if counted and not listed else ())


def _currency(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Where an amount begins and ends with its currency, and the currency; None without one."""
    behind = max(0, start - _LOOK_BEHIND)
    before = _BEFORE.search(text[behind:start])
    after = _AFTER.match(text, end)
    if before is None and after is None:
        return None
    named = _NAMES[after["name"].lower()] if after and after["name"] else ""
    if after and (after["code"] or named):
        # "$5 USD": the name says more than the sign.
        currency = after["code"].upper() if after["code"] else named
        if named == "$" and after["place"]:
            currency = _PLACES[after["place"][0].lower()]
    elif before and before["code"]:
        currency = before["code"]
    else:
        sign = before["sign"] if before else after["sign"] if after else ""
        place = (before["place"] or "").replace(".", "") if before else ""
        currency = _SIGNS[sign]
        if sign == "$":
            currency = next((code for code, of in _DOLLARS.items() if re.fullmatch(of, place)), "$")
    return behind + before.start() if before else start, after.end() if after else end, currency


def _amounts(currency: str, numbers: list[Decimal]) -> tuple[list[Value], Needs]:
    """What amounts vouch for and need; a bare dollar stands for each, and each for a bare one."""
    vouches: list[Value] = [("amount", value) for value in numbers]
    needed: list[Value] = [("number", value) for value in numbers if value >= LARGE]
    if currency == "cent":
        currency, numbers = "$", [value / 100 for value in numbers]
        needed += [("EUR", value) for value in numbers]
        vouches += [("EUR", value) for value in numbers]
    for value in numbers:
        if currency == "$":
            vouches += [("$", value), ("any dollar", value)]
            needed += [("$", value), ("any dollar", value)]
        elif currency in _DOLLARS:
            vouches += [(currency, value), ("$", value)]
            needed += [(currency, value), ("any dollar", value)]
        else:
            vouches.append((currency, value))
            needed.append((currency, value))
    return vouches, one_of(*needed)


def _span(unit: str, count: Decimal) -> Value:
    name, factor = _SPANS[unit.lower()]
    return name, count * factor
