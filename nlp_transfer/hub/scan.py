"""Find secrets, personal data and paths of this machine in what is about to be published.

Secrets are found by the patterns of detect-secrets, without its guesses by entropy, since hashes and commits stand in
every card; telephone numbers by phonenumbers, account and card numbers by shape and check digits (python-stdnum). Each
line is read as it is written and, where it differs, as it is displayed: without entities and hidden characters.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.matches import ScanMatch
from nlp_transfer.hub.overlap import shared_runs, visible
from nlp_transfer.hub.package import RepoFile, texts_of, wording

E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
PLACE = re.compile(
    r"file:/+[^\s\"'`]+|(?<![\w/.<])(?:~?/(?:[\w.@+-]+/)+[\w.@+-]+|~/[\w.@+-]+|[A-Za-z]:[\\/](?!/)[^\s\"'`]+"
    r"|\\\\\w[^\s\"'`]+)"
)
_MORE_SECRETS = (
    ("Hub token", r"(?<![A-Za-z0-9])(?:hf_|api_org_)[A-Za-z0-9]{20,}\b"),
    ("a key of an AI service", r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}"),
    ("a key of Google's", r"\bAIza[0-9A-Za-z_-]{35}"),
    ("an AWS secret key", r"(?i)secret[_-]?(?:access[_-]?)?key\W{1,40}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"),
    ("a Docker token", r"\bdckr_pat_[A-Za-z0-9_-]{20,}"),
    ("a GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{22,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    ("a Telegram token", r"(?<![\w:])\d{8,10}:[A-Za-z0-9_-]{35}(?![\w-])"),
    (
        "a password after its name",
        r"(?i)(?<![a-z])(?:password|passwd|pwd|api[_-]?key|session[_-]?token)\s*[:=]\s*[^\s\"',;]{6,}",
    ),
)
"""Patterns of secrets that detect-secrets lacks."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?")
"""A score or a count, which is no telephone number."""

REGIONS = ("US", "GB", "DE", "FR")
"""Regions whose telephone numbers, written in groups, are found without the country's code."""

Found = tuple[str, str, str]
"""(kind, what, text)."""


def scan_files(files: Sequence[RepoFile], corpus: Iterable[str] = ()) -> list[ScanMatch]:
    """Return the matches in the files of a model, and the runs of `RUN_WORDS` words that they share with a corpus."""
    texts = list(texts_of(files))
    return [*scan(texts), *shared_runs([(name, wording(name, text)) for name, text in texts], corpus)]


def scan(texts: Iterable[tuple[str, str]]) -> list[ScanMatch]:
    """Return the secrets, personal data and paths in (name, text); numbers in a text named `….json` are skipped."""
    found = []
    for name, text in texts:
        for number, line in enumerate(text.split("\n"), 1):
            found += [ScanMatch(kind, what, name, number, value) for kind, what, value in _found_in(name, line)]
    return list(dict.fromkeys(found))


def _found_in(name: str, line: str) -> list[Found]:
    """Return the matches of a line, as it is written and as it is displayed, once each."""
    displayed = wording(name, line)
    if not displayed.strip():
        return []  # the confusions of a hundred classes alone are ten thousand lines of JSON
    found = _detected(name, line, displayed)
    if displayed.isascii() and "&" not in displayed and "\\u" not in line:  # JSON may spell any letter as \u0061
        return found
    plain = _plain(displayed)
    if plain == line:
        return found
    plainly = _detected(name, plain, plain)
    same = {(what, text) for _, what, text in plainly}
    kept = [  # a piece of a longer match is not reported too
        (kind, what, text)
        for kind, what, text in found
        if (what, _plain(text)) in same or not any(what == other and _plain(text) in longer for other, longer in same)
    ]
    known = {(what, _plain(text)) for _, what, text in kept}
    return kept + [(kind, what, text) for kind, what, text in plainly if (what, text) not in known]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", visible(text))


def _detected(name: str, line: str, displayed: str) -> list[Found]:
    """Return the matches of a line: secrets in all of it, the rest in its wording."""
    return [
        *_secrets(name, line),
        *(("personal", "e-mail address", match.group()) for match in E_MAIL.finditer(displayed)),
        *_telephone_numbers(displayed),
        *(("personal", what, displayed[first:last]) for what, first, last in _checked(displayed)),
        *(("path", "a path of a machine", match.group()) for match in PLACE.finditer(displayed)),
    ]


def _secrets(name: str, line: str) -> Iterator[Found]:
    for plugin in _plugins():
        for secret in plugin.analyze_line(filename=name, line=line, line_number=1):
            yield "secret", secret.type, str(secret.secret_value)
    for what, pattern in _MORE_SECRETS:
        yield from (("secret", what, match.group()) for match in re.finditer(pattern, line))
    for token in _tokens_here():
        if token in line:
            yield "secret", "a token of this machine", token


def _telephone_numbers(text: str) -> Iterator[Found]:
    phonenumbers = _scanner("phonenumbers")
    for _, first, last in _checked(text):  # their digits could be a telephone number's too
        text = text[:first] + "|" * (last - first) + text[last:]
    for region in (None, *REGIONS):
        matches = phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.STRICT_GROUPING)
        for match in matches:
            if not _NUMBER.fullmatch(match.raw_string):
                yield "personal", "telephone number", match.raw_string


_SSN = r"(?!000|666|9)\d{3}(?P<between>[-. ]?)(?!00)\d{2}(?P=between)(?!0000)\d{4}(?![\d-])"
"""A social security number, without areas, groups and serials that were never given."""

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
"""(what, module that verifies the check digits, shape)."""


def _checked(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (what, start, end) of each number of one of the shapes with right check digits."""
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


@cache
def _plugins() -> list[Any]:
    """Return the detectors of secrets that go by patterns."""
    mapping = _scanner("detect_secrets.core.plugins.util").get_mapping_from_secret_type_to_class
    entropy = _scanner("detect_secrets.plugins.high_entropy_strings").HighEntropyStringsPlugin
    others = _scanner("detect_secrets.plugins.ip_public").IPPublicDetector  # a version number is none
    return [plugin() for plugin in mapping().values() if not issubclass(plugin, entropy | others)]


def _tokens_here() -> list[str]:
    from huggingface_hub import get_token

    known = [value for name, value in os.environ.items() if name.endswith("TOKEN")]
    return [token for token in dict.fromkeys([*known, get_token() or ""]) if len(token) >= 8]


def _scanner(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"A push is scanned for secrets and personal data, which needs the package "
            f"{error.name or module}: pip install 'nlp-transfer[hub]'"
        ) from error
