"""Numbers as people write them, in digits or in English words, with the values that they may have.

"1.234" is 1234 or 1.234, "1 000" a thousand or two numbers, "5m" five of something or five million: a numeral has every
reading. text2num, number-parser and quantulum3 were tried on sentences of contracts: the first two give the text anew,
without saying where a number stood, and number-parser makes "2" of "second"; quantulum3 takes seconds to load and reads
"(one million dollars)" as less than nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen
""".split()  # noqa: SIM905
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_ORDINALS = """
zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
sixteenth seventeenth eighteenth nineteenth
""".split()  # noqa: SIM905
_SMALL = (
    {word: value for value, word in enumerate(_UNITS)}
    | {word: 10 * value for value, word in enumerate(_TENS, 2)}
    | {word: value for value, word in enumerate(_ORDINALS)}
    | {word[:-1] + "ieth": 10 * value for value, word in enumerate(_TENS, 2)}
)
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_LETTERS = {"k": 10**3, "m": 10**6, "mm": 10**6, "mn": 10**6, "mio": 10**6, "bn": 10**9, "b": 10**9}
_OTHER: dict[str, int | Decimal] = {
    "once": 1,
    "single": 1,
    "twice": 2,
    "both": 2,
    "double": 2,
    "pair": 2,
    "couple": 2,
    "triple": 3,
    "dozen": 12,
    "half": Decimal("0.5"),
}
"""Words that vouch for a number but make no claim of one."""

_NUMBER_WORD = "|".join(sorted([*_SMALL, *_SCALES, "hundred", "hundredth", "thousandth"], key=len, reverse=True))
_WORDS = re.compile(rf"\b(?:(?:{_NUMBER_WORD})\b(?:[\s-]{{1,3}}(?:and[\s-]{{1,3}})?)?)+", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)
_OTHER_WORD = re.compile(rf"\b(?:{'|'.join(_OTHER)})\b", re.IGNORECASE)

DIGITS = (
    r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?(?!\d)"  # 1,000.50, and 1,00,000 as in India
    r"|\d{1,3}(?:\.\d{3})+(?:,\d+)?(?!\d)"  # 1.000,50
    r"|\d{1,3}(?:['’\u00a0\u202f\u2009 ]\d{3})+(?:[.,]\d+)?(?!\d)"  # 1 000
    r"|\d+(?:\.\d+){2,}"  # a version, 1.0.2
    r"|\d+[.,]\d+|\d+|(?<!\w)\.\d+"
)
_DIGITS = re.compile(
    rf"(?<!\d)(?P<digits>{DIGITS})"
    rf"(?:[\s-]{{0,2}}(?P<scale>hundred|{'|'.join(_SCALES)})\b|(?P<letters>{'|'.join(_LETTERS)})\b"
    r"|(?P<ordinal>st|nd|rd|th)\b|(?P<attached>[^\W\d_]))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Numeral:
    """A number in a text.

    Args:
        start: its first character.
        end: the one after its last.
        values: its readings; a version such as 1.0.2 is a text.
        vague: it is part of a word ("500px"), a word such as "one" that mostly is none, or an ordinal in words: no
            claim.
    """

    start: int
    end: int
    values: tuple[Decimal | str, ...]
    vague: bool = False


def numerals(text: str) -> Iterator[Numeral]:
    """All numbers: first those in digits, then those in words, each in their order."""
    scaled: set[int] = set()
    for match in _DIGITS.finditer(text):
        scaled.add(match.end("scale"))
        # The letter after "500px" is looked at, but belongs to no number.
        attached = match["attached"] is not None
        before = text[match.start() - 1 : match.start()]
        yield Numeral(
            match.start(),
            match.end("digits") if attached else match.end(),
            tuple(dict.fromkeys(_readings(match))),
            vague=attached or before.isalpha() or before == "_",
        )
    for match in _WORDS.finditer(text):
        first = _WORD.match(text, match.start())
        # The "million" of "2.5 million" is no number of its own.
        start = first.end() if first is not None and first.end() in scaled else match.start()
        yield from _in_words(text, start, match.end())
    for match in _OTHER_WORD.finditer(text):
        yield Numeral(match.start(), match.end(), (Decimal(_OTHER[match.group().lower()]),), vague=True)


def _readings(match: re.Match[str]) -> Iterator[Decimal | str]:
    digits = match["digits"]
    for value in digit_values(digits):
        if isinstance(value, str):
            yield value
        elif match["scale"]:
            yield value * (100 if match["scale"].lower() == "hundred" else _SCALES[match["scale"].lower()])
        elif match["letters"]:
            yield from (value * _LETTERS[match["letters"].lower()], value)
        else:
            yield value


def digit_values(digits: str) -> list[Decimal | str]:
    """What a number in digits may be: at least one reading, the likeliest first."""
    marks = re.findall(r"\D", digits)
    parts = re.split(r"\D", digits)
    plain = "".join(parts)
    if not marks:
        return [Decimal(digits)]
    if len(set(marks)) > 1:  # 1,000.50
        return [Decimal("".join(parts[:-1]) + "." + parts[-1])]
    if marks[0] == "." and len(marks) > 1 and any(len(part) != 3 for part in parts[1:]):
        return _version([str(Decimal(part)) for part in parts])
    if len(marks) == 1 and marks[0] in ".,":
        decimal = Decimal((parts[0] or "0") + "." + parts[1])
        if len(parts[1]) != 3 or not parts[0]:
            # "10,5" may be two numbers; only a document's reader gains from knowing them.
            return [decimal] if marks[0] == "." else [decimal, Decimal(parts[0]), Decimal(parts[1])]
        return [decimal, Decimal(plain)] if marks[0] == "." else [Decimal(plain)]
    if marks[0] == " ":
        return [Decimal(plain), *map(Decimal, parts)]
    return [Decimal(plain)]


def _version(parts: list[str]) -> list[Decimal | str]:
    """ "1.0.2", or for 3.0.0 the number 3.0 that it is mostly written as."""
    while len(parts) > 2 and parts[-1] == "0":
        parts = parts[:-1]
    return [Decimal(".".join(parts)) if len(parts) == 2 else ".".join(parts)]


def _in_words(text: str, start: int, end: int) -> Iterator[Numeral]:
    """The numbers of a run of number words; "and" goes on after hundred and more only."""
    total = current = 0
    first = last = -1
    words: list[str] = []

    def found() -> Numeral:
        vague = words in (["one"], ["zero"]) or _is_ordinal(words[-1])
        return Numeral(first, last, (Decimal(total + current),), vague)

    joined_by_and = False
    for match in _WORD.finditer(text, start, end):
        word = match.group().lower()
        if word == "and":
            joined_by_and = True
            continue
        scale = word.removesuffix("th") if word.endswith(("hundredth", "thousandth")) else word
        value = _SMALL.get(scale)
        after_large = bool(words) and words[-1] in ("hundred", *_SCALES)
        if value is not None:
            fits = after_large or (0 < value < 10 and bool(words) and words[-1] in _TENS)
        else:
            fits = bool(words) and 0 < current < (100 if scale == "hundred" else 1000)
        if words and (not fits or (joined_by_and and not after_large) or _is_ordinal(words[-1])):
            yield found()
            total = current = 0
            words, first = [], -1
        joined_by_and = False
        if first < 0:
            first = match.start()
        if value is not None:
            current += value
        elif scale == "hundred":
            current = (current or 1) * 100
        else:
            total, current = total + (current or 1) * _SCALES[scale], 0
        words.append(word)
        last = match.end()
    if words:
        yield found()


def _is_ordinal(word: str) -> bool:
    return word.endswith(("th", "first", "second", "third"))
