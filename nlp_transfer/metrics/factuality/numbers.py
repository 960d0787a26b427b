"""Numbers in digits and in words, percentages, spans of time and amounts of money.

"ten", "10" and "ten (10)" are one number, "$1,000,000" and "USD 1 million" one amount; 36 months are three years. A
bare number vouches for an amount from `LARGE` on only (a table names its currency once). A number has every reading.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

KINDS = ("number", "date", "money", "citation")
"""The kinds of items. A piece of text is of one kind only, the most specific."""

Value = tuple[Hashable, ...]
"""A value such as ("number", 5) or ("date", 2020, 3, 3)."""


@dataclass(frozen=True)
class Item:
    """Item at text[start:end], with what it vouches for and what it needs: one of these values, or nothing if empty."""

    kind: str
    start: int
    end: int
    vouches: frozenset[Value]
    needs: frozenset[Value]


def take(taken: bytearray, item: Item) -> bool:
    """Mark an item's characters with 1 in `taken`; return False, and mark nothing, if some of them are marked."""
    free = 1 not in taken[item.start : item.end]
    if free:
        taken[item.start : item.end] = b"\1" * (item.end - item.start)
    return free


LARGE = 1000
"""The smallest amount that a bare number vouches for."""

UNITS = "zero one two three four five six seven eight nine".split()  # noqa: SIM905
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
ORDINAL_UNITS = "zeroth first second third fourth fifth sixth seventh eighth ninth".split()  # noqa: SIM905
ORDINAL_TEENS = [{"twelve": "twelf"}.get(word, word) + "th" for word in TEENS]
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_LETTERS = {"k": 10**3, "m": 10**6, "mm": 10**6, "mn": 10**6, "mio": 10**6, "bn": 10**9, "b": 10**9}
_CARDINALS = {word: value for value, word in enumerate([*UNITS, *TEENS])}
_CARDINALS |= {word: 10 * value for value, word in enumerate(TENS, 2)}
_ORDINALS = {word: value for value, word in enumerate([*ORDINAL_UNITS, *ORDINAL_TEENS])}
_ORDINALS |= {word[:-1] + "ieth": _CARDINALS[word] for word in TENS}
_ANY, _TEN, _UNIT = "|".join([*_CARDINALS, *_ORDINALS]), "|".join(TENS), "|".join([*UNITS[1:], *ORDINAL_UNITS[1:]])
_SEP = r"[\s-]{1,3}"
_AND = rf"{_SEP}(?:and{_SEP})?"
_SMALL = rf"(?:(?:{_TEN})\b(?:{_SEP}(?:{_UNIT})\b)?|(?:{_ANY})\b)"
_THOUSANDS = rf"(?:(?:{_SMALL}{_SEP})?hundred(?:th)?\b(?:{_AND}{_SMALL})?|{_SMALL})"
_SCALED = rf"(?:{_THOUSANDS}{_SEP})?(?:thousand(?:th)?|[mbtr]+illion)\b"
_WORDS = re.compile(rf"\b(?:{_SCALED}(?:{_AND}{_SCALED})*(?:{_AND}{_THOUSANDS})?|{_THOUSANDS})", re.IGNORECASE)
_DIGITS = re.compile(
    r"(?<!\d)(?P<digits>"
    r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?(?!\d)"  # 1,000.50, and 1,00,000 as in India
    r"|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?!\d)"  # 1.000,50
    r"|\d{1,3}(?:['’\u00a0\u202f\u2009 ]\d{3})+(?:[.,]\d+)?(?!\d)"  # 1 000
    r"|\d+(?:\.\d+){2,}"  # a section, 1.0.2
    r"|\d+[.,]\d+|\d+|(?<!\w)\.\d+)"
    rf"(?:[\s-]{{0,2}}(?P<scale>{'|'.join(_SCALES)})\b|(?P<letters>{'|'.join(_LETTERS)})\b"
    r"|(?:st|nd|rd|th)\b|(?P<attached>[^\W\d_]))?",
    re.IGNORECASE,
)

_NAMES = {"percent": "% percent percentum pct percentagepoint", "$": "$ cent dollar usd cad aud nzd hkd sgd"}
_NAMES |= {"EUR": "€ euro", "GBP": "£ pound", "CHF": "franc", "months": "year month", "hours": "week day hour"}
_UNITS = {name: unit for unit, names in _NAMES.items() for name in names.split()}
"""Units by name; other names are currencies of their own."""
_FACTORS: dict[str, Decimal] = {"cent": Decimal("0.01"), "year": Decimal(12), "week": Decimal(168), "day": Decimal(24)}
_CODES = "USD|CAD|AUD|NZD|HKD|SGD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK"
_BEFORE = re.compile(rf"(?:\b(?:U\.S\.|[A-Z]{{1,2}})\s?)?(?P<unit>[$€£¥₹]|\b(?:{_CODES}))\s?\Z")
_AFTER = re.compile(
    r"(?P<range>\s*(?:-|to|or)\s*\d+(?:\.\d+)?)?"
    r"[\s-]?\s*(?:\(\s*[$€£]?\s?[\d.,]+\s?%?\s*\)|\))?\s*(?:and\s+(?:no|\d\d)/100\s+)?"  # five (5), One and No/100
    r"(?:(?:calendar|business|consecutive|full)[\s-]|U\.?\s?S\.?\s|United\sStates\s|Canadian\s|Australian\s)?"
    rf"(?P<unit>[%€£]|\$(?!\s?\d)|(?:{_CODES}|per\s?cent(?:um)?|pct|percentage\spoint|dollar|euro|pound|franc|cent|"
    r"year|month|week|day|hour)(?=s?\b))s?",
    re.IGNORECASE,
)
_MEMBER, _MEMBER_END = re.compile(r"(?:\(|(?:\A|[.;:,]|\b(?:and|or))\s*)\Z"), re.compile(r"\)|\.\s")
"""Text before and after a number that numbers an item of a list: "(1) the fee, 2. The term"."""


class Numeral(NamedTuple):
    """Number at text[start:end] with its readings; a vague one ("500px", "one", "third") claims nothing."""

    start: int
    end: int
    values: tuple[Decimal | str, ...]
    vague: bool


def number_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Yield the numbers and amounts outside of what is taken; see `take`.

    Example:
        >>> [item.kind for item in number_items("$5 in ten days", bytearray(14))]
        ['money', 'number']
    """
    for numeral in sorted(numerals(text)):
        if 1 not in taken[numeral.start : numeral.end]:
            yield _item(text, numeral)


def numerals(text: str) -> Iterator[Numeral]:
    """Yield all numbers: those in digits, then those in words.

    Example:
        >>> [one.values[0] for one in numerals("1,000 and twenty-five")]
        [Decimal('1000'), Decimal('25')]
    """
    rest = list(text)
    for match in _DIGITS.finditer(text):
        attached, before = match["attached"] is not None, text[match.start() - 1 : match.start()]
        end = match.end("digits") if attached else match.end()
        rest[match.start() : end] = "." * (end - match.start())  # so that "5 million" holds no million of its own
        factors = [_LETTERS[match["letters"].lower()], 1] if match["letters"] else [1]
        factors = [_SCALES[match["scale"].lower()]] if match["scale"] else factors
        readings = _digit_values(match["digits"])
        values = [value if isinstance(value, str) else value * factor for value in readings for factor in factors]
        yield Numeral(match.start(), end, tuple(dict.fromkeys(values)), attached or before.isalpha() or before == "_")
    for match in _WORDS.finditer("".join(rest)):
        words = re.findall(r"[a-z]+", match.group().lower())
        vague = words in (["one"], ["zero"]) or words[-1] in {*_ORDINALS, "hundredth", "thousandth"}
        yield Numeral(match.start(), match.end(), (Decimal(_word_value(words)),), vague)


def _digit_values(digits: str) -> list[Decimal | str]:
    """Return the readings of a number in digits, the likeliest first; at least one."""
    marks, parts = re.findall(r"\D", digits), re.split(r"\D", digits)
    plain = Decimal("".join(parts))
    if not marks or marks[0] not in "., ":
        return [plain]
    decimal = Decimal("".join(parts[:-1]) + "." + parts[-1])
    if len(set(marks)) > 1:  # 1,000.50
        return [decimal]
    if marks[0] == " ":
        return [plain, *map(Decimal, parts)]
    thousands = all(len(part) == 3 for part in parts[1:]) and bool(parts[0])
    if len(marks) > 1:
        return [plain] if thousands or marks[0] == "," else [digits]
    if marks[0] == ".":
        return [decimal, plain] if thousands else [decimal]
    return [plain] if thousands else [decimal, *map(Decimal, parts)]


def _word_value(words: list[str]) -> int:
    total = current = 0
    for word in words:
        scale = word if word in _ORDINALS else word.removesuffix("th")
        if scale == "hundred":
            current = (current or 1) * 100
        elif scale in _SCALES:
            total, current = total + (current or 1) * _SCALES[scale], 0
        else:
            current += (_CARDINALS | _ORDINALS).get(word, 0)
    return total + current


def _item(text: str, numeral: Numeral) -> Item:
    """Return a number with its unit."""
    start, end, numbers = numeral.start, numeral.end, [one for one in numeral.values if isinstance(one, Decimal)]
    behind = text[max(0, start - 10) : start]
    before, after = _BEFORE.search(behind), _AFTER.match(text, end)
    match = after or before
    name = re.sub(r"\s", "", match["unit"].lower()) if match else ""
    unit, factor = _UNITS.get(name, name.upper()), _FACTORS.get(name, Decimal(1))
    plain: set[Value] = {("number", value) for value in numeral.values}
    bare: set[Value] = {("bare", value) for value in numbers}
    amounts: set[Value] = {(unit, value * factor) for value in numbers} if unit else set()
    counts = not numeral.vague and not (_MEMBER.search(behind) and _MEMBER_END.match(text, end) and end - start <= 2)
    if unit in ("", "months", "hours"):
        shares: set[Value] = {("percent", 100 * value) for value in numbers if 0 < value < 1}
        counts = counts or (bool(unit) and text[start:end].lower() == "one")
        needs = plain | amounts if counts else set()
        return Item("number", start, end, frozenset(plain | bare | amounts | shares), frozenset(needs))
    if after and not after["range"]:
        end = after.end()
    if unit == "percent":
        return Item("number", start, end, frozenset(plain | bare | amounts), frozenset(amounts))
    needs = amounts | {("bare", value) for value in numbers if value >= LARGE} if counts else set()
    return Item(
        "money",
        start - (len(behind) - before.start() if before else 0),
        end,
        frozenset(plain | amounts),
        frozenset(needs),
    )
