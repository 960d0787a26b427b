"""Secrets, personal data, and places on this machine in what is about to be published.

Secrets are found by the patterns of detect-secrets: keys of clouds and services, tokens, private keys, passwords beside
their names. Its guesses by entropy are left out, since hashes and commits stand in every card; the Hub's own tokens,
which it does not know, and those of this machine are added. Telephone numbers are found by phonenumbers (Google's
libphonenumber), account and card numbers by their shape and their check digits (python-stdnum).

Names of persons are not found: no list or network tells them from the names of classes and methods.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from nlp_transfer.errors import ConfigError
from nlp_transfer.publishing.findings import Finding
from nlp_transfer.publishing.parts import wording

EXTRA = "hub"
"""The extra of this package that brings the scanners along."""

HUB_TOKEN = re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{20,}\b")
E_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")
PLACE = re.compile(
    r"file:/+[^\s\"'`]+|(?<![\w/.<])(?:~?/(?:[\w.@+-]+/)+[\w.@+-]+|~/[\w.@+-]+|[A-Za-z]:[\\/](?!/)[^\s\"'`]+"
    r"|\\\\\w[^\s\"'`]+)"
)
_MORE_SECRETS = (
    ("Hub token", HUB_TOKEN),
    ("a key of an AI service", re.compile(r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{20,}")),
    ("a key of Google's", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("a password beside its name", re.compile(r"(?i)\b(?:password|passwd|pwd|api[_-]?key)\s*[:=]\s*[^\s\"',;]{6,}")),
)
"""What detect-secrets does not know."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?")
"""A score or a count, which is no telephone number however well its digits would do for one."""

REGIONS = ("US", "GB", "DE", "FR")
"""Whose telephone numbers are known without their country's code, where they are written in groups."""

_SHORTEST_TOKEN = 8


def scan(texts: Iterable[tuple[str, str]]) -> list[Finding]:
    """All that was found in some texts.

    Args:
        texts: (name, text); of a name that ends in `.json`, numbers are no texts.

    Raises:
        ConfigError: the scanners are not installed.
    """
    detectors = [_detectors, _hub_tokens, _e_mails, _telephone_numbers, _checked_numbers, _places]
    found = []
    for name, text in texts:
        for number, line in enumerate(text.split("\n"), 1):
            if not wording(name, line).strip():
                continue  # of a hundred classes, the confusions alone are ten thousand lines of JSON
            for detector in detectors:
                found += [Finding(kind, what, name, number, value) for kind, what, value in detector(name, line)]
    return list(dict.fromkeys(found))


Found = Iterator[tuple[str, str, str]]
"""(kind, what, text) of each."""


def _detectors(name: str, line: str) -> Found:
    for plugin in _plugins():
        for secret in plugin.analyze_line(filename=name, line=line, line_number=1):
            yield "secret", secret.type, str(secret.secret_value)


def _hub_tokens(_: str, line: str) -> Found:
    for what, pattern in _MORE_SECRETS:
        yield from (("secret", what, match.group()) for match in pattern.finditer(line))
    for token in _tokens_here():
        if token in line:
            yield "secret", "a token of this machine", token


def _e_mails(name: str, line: str) -> Found:
    for match in E_MAIL.finditer(wording(name, line)):
        yield "personal", "e-mail address", match.group()


def _telephone_numbers(name: str, line: str) -> Found:
    phonenumbers = _scanner("phonenumbers")
    text = wording(name, line)
    for region in (None, *REGIONS):
        matches = phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.STRICT_GROUPING)
        for match in matches:
            if not _NUMBER.fullmatch(match.raw_string):
                yield "personal", "telephone number", match.raw_string


_SHAPES = (
    (
        "account number (IBAN)",
        "stdnum.iban",
        re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ),
    ("card number", "stdnum.luhn", re.compile(r"(?<![\d.,])[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{1,7}(?![\d.])")),
    ("social security number", "stdnum.us.ssn", re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")),
)


def _checked_numbers(name: str, line: str) -> Found:
    text = wording(name, line)
    for what, module, shape in _SHAPES:
        for match in shape.finditer(text):
            if _scanner(module).is_valid(re.sub("[ -]", "", match.group())):
                yield "personal", what, match.group()


def _places(name: str, line: str) -> Found:
    for match in PLACE.finditer(wording(name, line)):
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
