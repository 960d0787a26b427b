"""Plain numbers, percentages, spans of time and amounts of money.

"ten", "10" and "ten (10)" are one number, "10%" and "ten per cent" another; "$1,000,000", "USD 1 million" and
"1,000,000 dollars" are one amount. A bare "$" may be any dollar; "US$" is no Canadian one. 36 months are three years. A
number is vouched for by an amount or a share of its size, an amount by a bare number from `LARGE` on only (a table
names its currency once), a percentage by a percentage.
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from nlp_transfer.metrics.factuality.items import Item, Needs, Value, one_of
from nlp_transfer.metrics.factuality.numerals import SCALES, Numeral, numerals

LARGE = 1000
"""The smallest amount that a bare number vouches for."""

_DOLLARS = {"USD": "US", "CAD": "CA?", "AUD": "AU?", "NZD": "NZ", "HKD": "HK", "SGD": "S"}
_CODES = "|".join([*_DOLLARS, "EUR", "GBP", "CHF", "JPY", "CNY", "INR", "SEK", "NOK", "DKK"])
_SIGNS = {"$": "$", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_NAMES = {"dollar": "$", "euro": "EUR", "pound": "GBP", "franc": "CHF", "cent": "cent"}
_PLACES = {"u": "USD", "c": "CAD", "a": "AUD"}
_BEFORE = re.compile(rf"(?:\b(?P<place>U\.S\.|[A-Z]{{1,2}})\s?)?(?P<sign>[$€£¥₹])\s?\Z|\b(?P<code>{_CODES})\s?\Z")
_GAP = r"\s*(?:\(\s*[$€£]?\s?[\d.,]+\s?%?\s*\)|\))?\s*(?:and\s+(?:no|\d\d)/100\s+)?"
"""Between a number and its unit: "five (5) days", "(5) days", "One Million and No/100 Dollars"."""
_AFTER = re.compile(
    rf"{_GAP}(?:(?P<code>{_CODES})\b|(?P<sign>[€£]|\$(?!\s?\d))"
    rf"|(?P<place>U\.?\s?S\.?\s|United\sStates\s|Canadian\s|Australian\s)?(?P<name>{'|'.join(_NAMES)})s?\b)",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    rf"(?P<range>\s*(?:-|to|or)\s*\d+(?:\.\d+)?)?{_GAP}(?:%|(?:per\s?cent(?:um)?|pct|percentage\spoints?)\b)", re.I
)
_UNIT = r"(?P<unit>year|month|week|day|hour)s?\b"
_TIME = re.compile(rf"[\s-]?{_GAP}(?:(?:calendar|business|consecutive|full)[\s-])?{_UNIT}", re.IGNORECASE)
_ONE_SPAN = re.compile(rf"\ban?\s+{_UNIT}", re.IGNORECASE)
_SPANS = {"year": ("months", 12), "month": ("months", 1), "week": ("hours", 168), "day": ("hours", 24)}
_RANGE = re.compile(r"\s*(?:-|to)\s*[$€£]?\s?[\d.,]+\s?(?P<scale>thousand|million|billion)\b", re.IGNORECASE)
_BEFORE_MEMBER = re.compile(r"(?:\A|[.;:,]|\b(?:and|or))\s*\Z")
_LOOK_BEHIND = 10
"""Characters before a number that may hold its currency."""


def number_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Yield the numbers and amounts outside of what is taken.

    Args:
        text: any.
        taken: 1 for each character that belongs to an item of another kind.

    Example:
        >>> [item.kind for item in number_items("$5 in ten days", bytearray(14))]
        ['money', 'number']
    """
    ends: set[int] = set()
    for numeral in sorted(numerals(text), key=lambda one: one.start):
        if 1 not in taken[numeral.start : numeral.end]:
            ends.add(numeral.end)
            yield _money(text, numeral) or _number(text, numeral, listed=_is_enumerator(text, numeral, ends))
    for match in _ONE_SPAN.finditer(text):
        yield Item("number", match.start(), match.end(), frozenset([_span(match["unit"], Decimal(1))]), ())


def _is_enumerator(text: str, numeral: Numeral, ends: set[int]) -> bool:
    """Return True if a number numbers an item of a list: "(1) the fee, 2. The term", unlike "five (5)"."""
    if numeral.end - numeral.start > 2:
        return False
    before = text[max(0, numeral.start - _LOOK_BEHIND) : numeral.start]
    after = text[numeral.end : numeral.end + 2]
    if before.endswith("(") and after.startswith(")"):
        return numeral.start - len(before) + len(before[:-1].rstrip()) not in ends
    return bool(after[:1] in (".", ")") and after[1:].isspace() and _BEFORE_MEMBER.search(before))


def _decimals(text: str, numeral: Numeral) -> list[Decimal]:
    values = [value for value in numeral.values if isinstance(value, Decimal)]
    if match := _RANGE.match(text, numeral.end):  # "$5 to 10 million"
        values += [value * SCALES[match["scale"].lower()] for value in values]
    return values


def _number(text: str, numeral: Numeral, *, listed: bool) -> Item:
    end, numbers, counted = numeral.end, _decimals(text, numeral), not numeral.vague
    versions = [value for value in numeral.values if isinstance(value, str)]
    values = [*versions, *numbers]
    vouches: list[Value] = [("number", value) for value in values]
    needs = one_of(*vouches, *(("amount", value) for value in values))
    vouches += [("percent", 100 * value) for value in numbers if 0 < value < 1]
    # Version 1.1.8 is called 1.1 too.
    vouches += [("number", Decimal(".".join(value.split(".")[:2]))) for value in versions]
    if match := _PERCENT.match(text, end):
        shares = [("percent", value) for value in values]
        end = end if match["range"] else match.end()
        return Item("number", numeral.start, end, frozenset([*vouches, *shares]), one_of(*shares))
    if match := _TIME.match(text, end):
        spans = [_span(match["unit"], value) for value in numbers]
        vouches, needs = vouches + spans, needs + one_of(*spans)
        counted = counted or text[numeral.start : end].lower() == "one"
    return Item("number", numeral.start, end, frozenset(vouches), needs if counted and not listed else ())


def _money(text: str, numeral: Numeral) -> Item | None:
    """Return an amount with its currency; None without one."""
    behind = max(0, numeral.start - _LOOK_BEHIND)
    before, after = _BEFORE.search(text[behind : numeral.start]), _AFTER.match(text, numeral.end)
    if before is None and after is None:
        return None
    if after and after["code"]:
        currency = after["code"].upper()
    elif after and after["name"]:  # "$5 USD": the name says more than the sign
        currency = _NAMES[after["name"].lower()]
        if currency == "$" and after["place"]:
            currency = _PLACES[after["place"][0].lower()]
    elif before:
        place = (before["place"] or "").replace(".", "")
        currency = before["code"] or _SIGNS[before["sign"]]
        if currency == "$":
            currency = next((code for code, of in _DOLLARS.items() if re.fullmatch(of, place)), "$")
    else:
        currency = _SIGNS[after["sign"]] if after else ""
    vouches, needs = _amounts(currency, _decimals(text, numeral))
    start, end = behind + before.start() if before else numeral.start, after.end() if after else numeral.end
    return Item("money", start, end, frozenset(vouches), () if numeral.vague else needs)


def _amounts(currency: str, numbers: list[Decimal]) -> tuple[list[Value], Needs]:
    """Return what amounts vouch for and need; a bare dollar stands for each, and each for a bare one."""
    vouches: list[Value] = [("amount", value) for value in numbers]
    needed: list[Value] = [("number", value) for value in numbers if value >= LARGE]
    names = [(currency, currency)]
    if currency == "cent":
        numbers = [value / 100 for value in numbers]
        names = [("EUR", "EUR"), ("$", "$"), ("any dollar", "any dollar")]
    elif currency == "$":
        names = [("$", "$"), ("any dollar", "any dollar")]
    elif currency in _DOLLARS:
        names = [(currency, currency), ("$", "any dollar")]
    vouches += [(name, value) for name, _ in names for value in numbers]
    needed += [(name, value) for _, name in names for value in numbers]
    return vouches, one_of(*needed)


def _span(unit: str, count: Decimal) -> Value:
    name, factor = _SPANS.get(unit.lower(), ("hours", 1))
    return name, count * factor
