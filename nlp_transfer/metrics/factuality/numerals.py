"""Numbers of a text, in digits and in words, with their places.

A numeral has every reading: "1 000" is a thousand or two numbers, "5m" five of something or five million. text2num and
number-parser do not return where a number stood, and quantulum3 misreads amounts in brackets.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

UNITS = "zero one two three four five six seven eight nine".split()  # noqa: SIM905
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
ORDINAL_UNITS = "zeroth first second third fourth fifth sixth seventh eighth ninth".split()  # noqa: SIM905
ORDINAL_TEENS = [{"twelve": "twelf"}.get(word, word) + "th" for word in TEENS]
ORDINAL_TENS = [word[:-1] + "ieth" for word in TENS]
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_LETTERS = {"k": 10**3, "m": 10**6, "mm": 10**6, "mn": 10**6, "mio": 10**6, "bn": 10**9, "b": 10**9}
_SMALL = {
    word: value for words in ([*UNITS, *TEENS], [*ORDINAL_UNITS, *ORDINAL_TEENS]) for value, word in enumerate(words)
} | {word: 10 * value for words in (TENS, ORDINAL_TENS) for value, word in enumerate(words, 2)}
_ORDINALS = {*ORDINAL_UNITS, *ORDINAL_TEENS, *ORDINAL_TENS, "hundredth", "thousandth"}
_VAGUE = dict.fromkeys(("once", "single"), "1") | dict.fromkeys(("twice", "both", "double", "pair", "couple"), "2")
_VAGUE |= {"triple": "3", "dozen": "12", "half": "0.5"}
"""Words that vouch for a number but claim none."""


def _any(words: list[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + r")\b"


_SEP = r"[\s-]{1,3}"
_AND = rf"{_SEP}(?:and{_SEP})?"
_HUNDREDS = (
    rf"(?:{_any(TENS)}(?:{_SEP}{_any([*UNITS[1:], *ORDINAL_UNITS[1:]])})?"
    rf"|{_any([*UNITS, *TEENS, *ORDINAL_UNITS, *ORDINAL_TEENS, *ORDINAL_TENS])})"
)
_THOUSANDS = rf"(?:(?:{_HUNDREDS}{_SEP})?hundred(?:th)?\b(?:{_AND}{_HUNDREDS})?|{_HUNDREDS})"
_SCALED = rf"(?:{_THOUSANDS}{_SEP})?(?:{'|'.join(SCALES)}|thousandth)\b"
_WORDS = re.compile(rf"\b(?:{_SCALED}(?:{_AND}{_SCALED})*(?:{_AND}{_THOUSANDS})?|{_THOUSANDS})", re.IGNORECASE)
_VAGUE_WORD = re.compile(rf"\b{_any([*_VAGUE])}", re.IGNORECASE)
_DIGITS = re.compile(
    r"(?<!\d)(?P<digits>"
    r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?(?!\d)"  # 1,000.50, and 1,00,000 as in India
    r"|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?!\d)"  # 1.000,50
    r"|\d{1,3}(?:['’\u00a0\u202f\u2009 ]\d{3})+(?:[.,]\d+)?(?!\d)"  # 1 000
    r"|\d+(?:\.\d+){2,}"  # a version, 1.0.2
    r"|\d+[.,]\d+|\d+|(?<!\w)\.\d+)"
    rf"(?:[\s-]{{0,2}}(?P<scale>hundred|{'|'.join(SCALES)})\b|(?P<letters>{'|'.join(_LETTERS)})\b"
    r"|(?:st|nd|rd|th)\b|(?P<attached>[^\W\d_]))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Numeral:
    """Keep a number at text[start:end].

    Args:
        start: its first character.
        end: the one after its last.
        values: its readings; a version such as 1.0.2 is a text.
        vague: it is part of a word ("500px"), a word such as "one", or an ordinal in words, and claims nothing.
    """

    start: int
    end: int
    values: tuple[Decimal | str, ...]
    vague: bool = False


def numerals(text: str) -> Iterator[Numeral]:
    """Yield all numbers: those in digits, then those in words.

    Example:
        >>> [one.values[0] for one in numerals("1,000 and twenty-five")]
        [Decimal('1000'), Decimal('25')]
    """
    words = bytearray(b"\1" * len(text))
    for match in _DIGITS.finditer(text):
        attached, before = match["attached"] is not None, text[match.start() - 1 : match.start()]
        end = match.end("digits") if attached else match.end()
        words[match.start() : end] = bytes(end - match.start())
        factors = [{"hundred": 100, **SCALES}[match["scale"].lower()]] if match["scale"] else [1]
        factors = [_LETTERS[match["letters"].lower()], 1] if match["letters"] else factors
        values = [
            value if isinstance(value, str) else value * factor
            for value in digit_values(match["digits"])
            for factor in factors
        ]
        yield Numeral(match.start(), end, tuple(dict.fromkeys(values)), attached or before.isalpha() or before == "_")
    rest = "".join(letter if free else "." for letter, free in zip(text, words, strict=True))  # no "million" of digits
    for match in _WORDS.finditer(rest):
        parts = re.findall(r"[a-z]+", match.group().lower())
        vague = parts in (["one"], ["zero"]) or parts[-1] in _ORDINALS
        yield Numeral(match.start(), match.end(), (Decimal(_word_value(parts)),), vague)
    for match in _VAGUE_WORD.finditer(text):
        yield Numeral(match.start(), match.end(), (Decimal(_VAGUE[match.group().lower()]),), vague=True)


def _word_value(words: list[str]) -> int:
    total = current = 0
    for word in words:
        scale = word.removesuffix("th") if word in ("hundredth", "thousandth") else word
        if scale == "hundred":
            current = (current or 1) * 100
        elif scale in SCALES:
            total, current = total + (current or 1) * SCALES[scale], 0
        else:
            current += _SMALL.get(scale, 0)
    return total + current


def digit_values(digits: str) -> list[Decimal | str]:
    """Return the readings of a number in digits, the likeliest first; at least one.

    Example:
        >>> digit_values("1.234")
        [Decimal('1.234'), Decimal('1234')]
    """
    marks, parts = re.findall(r"\D", digits), re.split(r"\D", digits)
    plain = Decimal("".join(parts))
    if not marks or (len(marks) > 1 and len(set(marks)) == 1 and marks[0] not in ". "):
        return [plain]
    if len(set(marks)) > 1:  # 1,000.50
        return [Decimal("".join(parts[:-1]) + "." + parts[-1])]
    if marks[0] == " ":
        return [plain, *map(Decimal, parts)]
    if len(marks) > 1:
        if all(len(part) == 3 for part in parts[1:]):
            return [plain]
        version = [str(Decimal(part)) for part in parts]
        while len(version) > 2 and version[-1] == "0":  # 3.0.0 is mostly written as 3.0
            version.pop()
        return [Decimal(".".join(version)) if len(version) == 2 else ".".join(version)]
    if marks[0] not in ".,":
        return [plain]
    decimal = Decimal((parts[0] or "0") + "." + parts[1])
    if len(parts[1]) == 3 and parts[0]:
        return [decimal, plain] if marks[0] == "." else [plain]
    return [decimal] if marks[0] == "." else [decimal, Decimal(parts[0]), Decimal(parts[1])]
