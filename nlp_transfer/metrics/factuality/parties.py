"""Companies and defined parties that a summary names.

A company is a run of capitalised words with a corporate ending ("Acme Widgets, Inc."), a defined party what stands in
quotation marks as one: (the "Company"), "Borrower" means. A company stands in a document that has its name with the
same ending, however it is spelled ("Incorporated"), or somewhere without any: "Acme LLC" does not stand where only
"Acme Inc." does. Case, accents and punctuation are nothing.

cleanco was tried for the endings: among its terms are "as", "et", "da" and "private", some spoiled in their encoding.
"""

import re
import unicodedata
from collections.abc import Iterator, Set
from dataclasses import dataclass

from nlp_transfer.metrics.tokenization import plain_words


def name_words(text: str) -> list[str]:
    """Plain words without their accents."""
    apart = unicodedata.normalize("NFD", text)
    return plain_words("".join(character for character in apart if not unicodedata.combining(character)))


_ENDINGS = [
    ("Inc", "Incorporated"),
    ("Corp", "Corporation"),
    ("Co", "Company"),
    ("Ltd", "Limited"),
    ("LLC", "L.L.C", "Limited Liability Company"),
    ("LLP", "L.L.P", "Limited Liability Partnership"),
    ("LP", "L.P", "Limited Partnership"),
    ("PLC", "plc", "P.L.C", "Plc", "Public Limited Company"),
    ("GmbH", "G.m.b.H"),
    ("AG",),
    ("KG",),
    ("SA", "S.A"),
    ("SAS", "S.A.S"),
    ("SARL", "S.A.R.L", "S.à r.l", "Sàrl"),
    ("Srl", "S.r.l", "SRL"),
    ("SpA", "S.p.A"),
    ("NV", "N.V"),
    ("BV", "B.V"),
    ("NA", "N.A"),
    ("AB",),
    ("ASA",),
    ("A/S",),
    ("ApS",),
    ("Oy",),
    ("Oyj",),
    ("KK", "K.K"),
]
_CANONICAL = {
    " ".join(name_words(spelling)): " ".join(name_words(group[0])) for group in _ENDINGS for spelling in group
}
_SPELLINGS = sorted({spelling for group in _ENDINGS for spelling in group}, key=len, reverse=True)
_BLANK = r"[^\S\r\n]"
_ENDING = re.compile(
    rf"(?<=[\w&.,)])(?:,{_BLANK}?|{_BLANK})(?P<ending>{'|'.join(map(re.escape, _SPELLINGS))})(?![\w&])"
    r"(?P<stop>\.?)(?P<goes_on>\s[A-Z])?"
)
_UPPER = r"[^\W\d_a-zß-öø-ÿ]"
_NAME = re.compile(
    rf"(?<![^\W_])(?:{_UPPER}|\d+{_UPPER})[\w'’&.-]*"
    rf"(?:{_BLANK}(?:(?:&|and|of|the|de|und|et|y){_BLANK}|\d{{1,3}}{_BLANK})?{_UPPER}[\w'’&.-]*){{0,6}}\Z"
)
_LONGEST_NAME = 120
_NO_NAME = frozenset(
    """
    a an the this that each any no if when where while under in by between with and or as for from to upon of at on
    all both such its our your their his her it we you they is pursuant whereas neither either
    """.split()  # noqa: SIM905
)
"""Words that begin a sentence before a name."""
_ADJECTIVES = ("Limited", "Company")
_NO_COMPANY = frozenset(
    "limited liability joint stock parent holding public private insurance trust target operating".split()  # noqa: SIM905
)
"""Words that make a kind of company, and no name, with "Company"."""

_QUOTED = r"[\"“«]\s?(?P<{}>[^\W\d_][^\"“”«»\n]{{0,60}}?),?\s?[\"”»]"
_DEFINED = re.compile(
    rf"\((?:(?:the|each|an?|collectively|together|hereinafter|in\splural)[\s,]{{1,2}}){{0,3}}{_QUOTED.format('bracketed')}\)"
    rf"|{_QUOTED.format('meant')}\s(?:means?|shall\smean|refers?\sto)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Party:
    """A name in a summary.

    Args:
        start: its first character.
        end: the one after its last.
        names: its readings, each as `name_words`.
        ending: the corporate one, in its first spelling; None of a defined party.
    """

    start: int
    end: int
    names: tuple[str, ...]
    ending: str | None = None


def parties(text: str) -> Iterator[Party]:
    """Companies and defined parties of a text, in no order."""
    for match in _DEFINED.finditer(text):
        group = "bracketed" if match["bracketed"] else "meant"
        name = " ".join(name_words(match[group]))
        if name and match[group][0].isupper():
            yield Party(match.start(group), match.end(group), (name,))
    ended = 0
    for match in _ENDING.finditer(text):
        behind = max(ended, match.start() - _LONGEST_NAME)
        found = _NAME.search(text[behind : match.start()])
        ended = match.end("ending")
        # "Intel Limited Patent License" is no company.
        if found is None or (match["goes_on"] and match["ending"] in _ADJECTIVES):
            continue
        words = [(word.start(), word.group()) for word in re.finditer(r"\S+", found.group())]
        while words and words[0][1].lower() in _NO_NAME:
            words.pop(0)
        plain = name_words(" ".join(word for _, word in words))
        if not plain or set(plain) <= _NO_COMPANY or len("".join(plain)) < 2:
            continue
        # "Smith and Wesson Inc." may be one name, or the second of two.
        readings = [" ".join(plain)]
        if "and" in plain:
            readings.append(" ".join(plain[len(plain) - plain[::-1].index("and") :]))
        ending = _CANONICAL[" ".join(name_words(match["ending"]))]
        shortened = "." in match["ending"] or match["ending"] in ("Inc", "Corp", "Co", "Ltd")
        end = match.end("stop" if shortened else "ending")
        yield Party(behind + found.start() + words[0][0], end, tuple(filter(None, readings)), ending)


def stands_in(party: Party, words: str, companies: Set[tuple[str, str]]) -> bool:
    """Whether a document names a party.

    Args:
        party: of a summary.
        words: the document's `name_words` with one space around each.
        companies: names and endings of the document's own; "Licensor Acme Inc." ends with one of them.
    """
    if any(_named(name, party.ending, words) for name in party.names):
        return True
    if party.ending is None:
        return False
    parts = party.names[0].split()
    return any((" ".join(parts[first:]), party.ending) in companies for first in range(1, len(parts)))


def _named(name: str, ending: str | None, words: str) -> bool:
    place = words.find(f" {name} ")
    while place >= 0:
        if ending is None:
            return True
        after = place + len(name) + 2
        following = words[after : after + 40]
        other = next((spelling for spelling in _LONGEST_FIRST if following.startswith(f"{spelling} ")), None)
        if other is None or _CANONICAL[other] == ending:
            return True
        place = words.find(f" {name} ", place + 1)
    return False


_LONGEST_FIRST = sorted(_CANONICAL, key=len, reverse=True)
