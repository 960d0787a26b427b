"""Secrets, personal data, and places on this machine in what is about to be published.

Secrets are found by the patterns of detect-secrets: keys of clouds and services, tokens, private keys, passwords beside
their names. Its guesses by entropy are left out, since hashes and commits stand in every card; the Hub's own tokens,
which it does not know, and those of this machine are added. Telephone numbers are found by phonenumbers (Google's
libphonenumber), account and card numbers by their shape and their check digits (python-stdnum), social security
numbers, which have none, by their hyphens or the name beside them.

Each line is read as it stands and, where it differs, as it is seen: entities read, letters of full width as plain ones,
without characters of no width.

Names of persons are not found: no list or network tells them from the names of classes and methods.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.matches import ScanMatch
from nlp_transfer.hub.overlap import shared_runs, visible
from nlp_transfer.hub.package import RepoFile, texts_of, wording

EXTRA = "hub"
"""The extra of this package that installs the scanners."""

HUB_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?:hf_|api_org_)[A-Za-z0-9]{20,}\b")
E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
PLACE = re.compile(
    r"file:/+[^\s\"'`]+|(?<![\w/.<])(?:~?/(?:[\w.@+-]+/)+[\w.@+-]+|~/[\w.@+-]+|[A-Za-z]:[\\/](?!/)[^\s\"'`]+"
    r"|\\\\\w[^\s\"'`]+)"
)
_MORE_SECRETS = (
    ("Hub token", HUB_TOKEN),
    ("a key of an AI service", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}")),
    ("a key of Google's", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    (
        "an AWS secret key",
        re.compile(r"(?i)secret[_-]?(?:access[_-]?)?key\W{1,40}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    ),
    ("a Docker token", re.compile(r"\bdckr_pat_[A-Za-z0-9_-]{20,}")),
    ("a GitHub token", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{22,}")),
    ("an npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}(?![A-Za-z0-9])")),
    ("a Telegram token", re.compile(r"(?<![\w:])\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])")),
    (
        "a password beside its name",
        re.compile(r"(?i)(?<![a-z])(?:password|passwd|pwd|api[_-]?key|session[_-]?token)\s*[:=]\s*[^\s\"',;]{6,}"),
    ),
)
"""Patterns of secrets that detect-secrets lacks."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?")
"""A score or a count, which is no telephone number however well its digits would do for one."""

REGIONS = ("US", "GB", "DE", "FR")
"""Whose telephone numbers are known without their country's code, where they are written in groups."""

_SHORTEST_TOKEN = 8


def scan_files(files: Sequence[RepoFile], corpus: Iterable[str] = ()) -> list[ScanMatch]:
    """Return what should not be published of the files of a model.

    Args:
        files: all that would go.
        corpus: texts of which no `RUN_WORDS` words in a row may go; read once.

    Raises:
        ConfigError: the scanners are not installed.
    """
    texts = list(texts_of(files))
    return [*scan(texts), *shared_runs([(name, wording(name, text)) for name, text in texts], corpus)]


def scan(texts: Iterable[tuple[str, str]]) -> list[ScanMatch]:
    """Return the secrets, personal data and paths in some texts.

    Args:
        texts: (name, text); of a name that ends in `.json`, numbers are no texts.

    Raises:
        ConfigError: the scanners are not installed.
    """
    found = []
    for name, text in texts:
        for number, line in enumerate(text.split("\n"), 1):
            found += [ScanMatch(kind, what, name, number, value) for kind, what, value in _found_in(name, line)]
    return list(dict.fromkeys(found))


Found = tuple[str, str, str]
"""(kind, what, text)."""


def _found_in(name: str, line: str) -> list[Found]:
    """Return the matches of a line, as it is written and as it is seen, once each."""
    said = wording(name, line)
    if not said.strip():
        return []  # of a hundred classes, the confusions alone are ten thousand lines of JSON
    found = _detected(name, line, said)
    if said.isascii() and "&" not in said and "\\u" not in line:  # JSON may spell any letter as \u0061
        return found
    plain = _plain(said)
    if plain == line:
        return found
    plainly = _detected(name, plain, plain)
    same = {(what, text) for _, what, text in plainly}
    kept = [  # what is a piece of a longer one is none of its own
        (kind, what, text)
        for kind, what, text in found
        if (what, _plain(text)) in same or not any(what == other and _plain(text) in longer for other, longer in same)
    ]
    known = {(what, _plain(text)) for _, what, text in kept}
    return kept + [(kind, what, text) for kind, what, text in plainly if (what, text) not in known]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", visible(text))


def _detected(name: str, line: str, said: str) -> list[Found]:
    """Return the matches of a line: secrets in all of it, the rest in its wording."""
    found = [*_detectors(name, line), *_hub_tokens(line)]
    for detector in (_e_mails, _telephone_numbers, _checked_numbers, _places):
        found += detector(said)
    return found


def _detectors(name: str, line: str) -> Iterator[Found]:
    for plugin in _plugins():
        for secret in plugin.analyze_line(filename=name, line=line, line_number=1):
            yield "secret", secret.type, str(secret.secret_value)


def _hub_tokens(line: str) -> Iterator[Found]:
    for what, pattern in _MORE_SECRETS:
        yield from (("secret", what, match.group()) for match in pattern.finditer(line))
    for token in _tokens_here():
        if token in line:
            yield "secret", "a token of this machine", token


def _e_mails(text: str) -> Iterator[Found]:
    for match in E_MAIL.finditer(text):
        yield "personal", "e-mail address", match.group()


def _telephone_numbers(text: str) -> Iterator[Found]:
    phonenumbers = _scanner("phonenumbers")
    for _, first, last in _checked(text):  # whose digits would do for a telephone number as well
        text = text[:first] + "|" * (last - first) + text[last:]
    for region in (None, *REGIONS):
        matches = phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.STRICT_GROUPING)
        for match in matches:
            if not _NUMBER.fullmatch(match.raw_string):
                yield "personal", "telephone number", match.raw_string


_SSN = r"(?!000|666|9)\d{3}(?P<between>[-. ]?)(?!00)\d{2}(?P=between)(?!0000)\d{4}(?![\d-])"
"""A social security number as far as it can be checked: areas, groups and serials that were never given."""

_SHAPES: tuple[tuple[str, str | None, re.Pattern[str]], ...] = (
    (
        "account number (IBAN)",
        "stdnum.iban",
        re.compile(r"(?i)\b(?P<number>[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]{4}){2,7}(?:[ .-]?[A-Z0-9]{1,3})?)\b"),
    ),
    (
        "card number",
        "stdnum.luhn",
        re.compile(
            r"(?<![\d.,])(?P<number>[3-6]\d{3}(?:(?:[ .-]?\d{4}){2}[ .-]?\d{1,7}|[ .-]\d{6}[ .-]\d{4,5}))(?![\d.])"
        ),
    ),
    ("social security number", None, re.compile(rf"(?<![\d-])(?=\d{{3}}-)(?P<number>{_SSN})")),
    (
        "social security number",
        None,
        re.compile(
            r"(?i)(?<![a-z])(?:ssn|social[ _-]?security(?:[ _-]?(?:number|num|no|nr))?)(?:[\W_]{0,5}|\W{1,3}is\W{1,3})"
            rf"(?<!\d)(?P<number>{_SSN})"
        ),
    ),
)
"""(what, the module that knows its check digits, how it looks)."""


def _checked(text: str) -> Iterator[tuple[str, int, int]]:
    """(what, start, end) of each number of one of the shapes whose check digits are right."""
    for what, module, shape in _SHAPES:
        for match in shape.finditer(text):
            number, first = match["number"], match.start("number")
            # Words behind a number look like its last groups: "ES91 2100 0418 4502 0005 1332 paid".
            ends = [len(number), *(between.start() for between in reversed([*re.finditer("[ .-]", number)]))]
            for end in ends:
                found = number[:end]
                if module is None or (shape.fullmatch(found) and _scanner(module).is_valid(re.sub("[ .-]", "", found))):
                    yield what, first, first + end
                    break


def _checked_numbers(text: str) -> Iterator[Found]:
    for what, first, last in _checked(text):
        yield "personal", what, text[first:last]


def _places(text: str) -> Iterator[Found]:
    for match in PLACE.finditer(text):
        yield "path", "a path of a machine", match.group()


@cache
def _plugins() -> list[Any]:
    """The detectors of secrets that go by patterns."""
    mapping: Callable[[], dict[str, Any]] = _scanner(
        "detect_secrets.core.plugins.util"
    ).get_mapping_from_secret_type_to_class
    entropy = _scanner("detect_secrets.plugins.high_entropy_strings").HighEntropyStringsPlugin
    others = _scanner("detect_secrets.plugins.ip_public").IPPublicDetector  # a version number is none
    return [plugin() for plugin in mapping().values() if not issubclass(plugin, entropy | others)]


def _tokens_here() -> list[str]:
    from huggingface_hub import get_token

    known = [value for name, value in os.environ.items() if name.endswith("TOKEN")]
    return [token for token in dict.fromkeys([*known, get_token() or ""]) if len(token) >= _SHORTEST_TOKEN]


def _scanner(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"What goes to the Hub is scanned for secrets and personal data before, which needs the package "
            f"{error.name or module}: pip install 'nlp-transfer[{EXTRA}]'"
        ) from error
