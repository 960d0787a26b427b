"""Secrets, personal data and paths are found where they stand; scores, hashes and versions are none of these."""

import random
import sys

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.hub.matches import ScanMatch
from nlp_transfer.hub.scan import scan


@pytest.mark.parametrize(
    ("line", "kind", "what", "text"),
    [
        ("token hf_" + "aB3" * 11, "secret", "Hub token", "hf_" + "aB3" * 11),
        ("label_hf_" + "aB3" * 11, "secret", "Hub token", "hf_" + "aB3" * 11),
        ("password: hunter2abc", "secret", "a password after its name", "password: hunter2abc"),
        ("sk-ant-api03-" + "aB3" * 9, "secret", "a key of an AI service", "sk-ant-api03-" + "aB3" * 9),
        ("AIza" + "aB3-_" * 7, "secret", "a key of Google's", "AIza" + "aB3-_" * 7),
        ("aws_secret_access_key=" + "aB3/" * 10, "secret", "an AWS secret key", "secret_access_key=" + "aB3/" * 10),
        (
            "aws_secret_access_key        = " + "aB3/" * 10,
            "secret",
            "an AWS secret key",
            "secret_access_key        = " + "aB3/" * 10,
        ),
        (
            r'"SecretAccessKey\": \"' + "aB3/" * 10,
            "secret",
            "an AWS secret key",
            r"SecretAccessKey\": \"" + "aB3/" * 10,
        ),
        ("AWS_SECRET_KEY=" + "aB3/" * 10, "secret", "an AWS secret key", "SECRET_KEY=" + "aB3/" * 10),
        ("OPENAI_API_KEY=abc12345", "secret", "a password after its name", "API_KEY=abc12345"),
        ("DB_PASSWORD=hunter2abc", "secret", "a password after its name", "PASSWORD=hunter2abc"),
        ("dckr_pat_" + "aB3" * 9, "secret", "a Docker token", "dckr_pat_" + "aB3" * 9),
        ("card 4111.1111.1111.1111 of", "personal", "card number", "4111.1111.1111.1111"),
        ("github_pat_" + "aB3" * 20, "secret", "a GitHub token", "github_pat_" + "aB3" * 20),
        ("npm_" + "aB3" * 12, "secret", "an npm token", "npm_" + "aB3" * 12),
        ("api_org_" + "aB3" * 11, "secret", "Hub token", "api_org_" + "aB3" * 11),
        ("bot 123456789:" + "aB3-_" * 7, "secret", "a Telegram token", "123456789:" + "aB3-_" * 7),
        ("card 3782 822463 10005", "personal", "card number", "3782 822463 10005"),
        ("card 3056-930902-5904", "personal", "card number", "3056-930902-5904"),
        ("de89370400440532013000", "personal", "account number (IBAN)", "de89370400440532013000"),
        ("DE89-3704-0044-0532-0130-00", "personal", "account number (IBAN)", "DE89-3704-0044-0532-0130-00"),
        ("es91 2100 0418 4502 0005 1332 paid by", "personal", "account number (IBAN)", "es91 2100 0418 4502 0005 1332"),
        ("file:///home/eva/data", "path", "a path of a machine", "file:///home/eva/data"),
        ("in C:/Users/eva/clauses", "path", "a path of a machine", "C:/Users/eva/clauses"),
        ("path:/home/eva/secret/x", "path", "a path of a machine", "/home/eva/secret/x"),
        ("under ~/clauses", "path", "a path of a machine", "~/clauses"),
        ("key AKIAIOSFODNN7EXAMPLE", "secret", "AWS Access Key", "AKIAIOSFODNN7EXAMPLE"),
        ("password: 'hunter2hunter2'", "secret", "Secret Keyword", "hunter2hunter2"),
        ("-----BEGIN RSA PRIVATE KEY-----", "secret", "Private Key", "BEGIN RSA PRIVATE KEY"),
        ("see https://ada:s3cr3tpw@host.example/x", "secret", "Basic Auth Credentials", "s3cr3tpw"),
        ("write to jane.doe@law.example, please", "personal", "e-mail address", "jane.doe@law.example"),
        ("Tel. (415) 555-2671", "personal", "telephone number", "(415) 555-2671"),
        ("call +49 30 901820", "personal", "telephone number", "+49 30 901820"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "personal", "account number (IBAN)", "DE89 3704 0044 0532 0130 00"),
        ("card 4111 1111 1111 1111", "personal", "card number", "4111 1111 1111 1111"),
        ("SSN 123-45-6789", "personal", "social security number", "123-45-6789"),
        ("from `/home/ada/data/clauses.csv`", "path", "a path of a machine", "/home/ada/data/clauses.csv"),
        (r"from C:\Users\ada\x.csv", "path", "a path of a machine", r"C:\Users\ada\x.csv"),
        ("in ~/models/bert", "path", "a path of a machine", "~/models/bert"),
    ],
)
def test_what_is_found(line: str, kind: str, what: str, text: str) -> None:
    assert ScanMatch(kind, what, "README.md", 2, text) in scan([("README.md", f"# card\n{line}\n")])


TOKEN = "hf_" + "aB3" * 11


@pytest.mark.parametrize(
    ("line", "what", "text"),
    [
        ("jane.doe&#64;law.example", "e-mail address", "jane.doe@law.example"),
        ("jane.doe\uff20law.example", "e-mail address", "jane.doe@law.example"),
        ("jane.d\u200boe@law.example", "e-mail address", "jane.doe@law.example"),
        ("hf_&#97;" + TOKEN[4:], "Hub token", TOKEN),
        (TOKEN[:9] + "\u200b" + TOKEN[9:], "Hub token", TOKEN),
        ("AKIA\u2060IOSFODNN7EXAMPLE", "AWS Access Key", "AKIAIOSFODNN7EXAMPLE"),
        ("password: hunter2&amp;c", "a password after its name", "password: hunter2&c"),
        ("4111&nbsp;1111&nbsp;1111 1111", "card number", "4111 1111 1111 1111"),
        ("Tel. \uff08415\uff09 555-2671", "telephone number", "\uff08415\uff09 555-2671"),
        ("Müller & Söhne, jane@law.example", "e-mail address", "jane@law.example"),
        ("in /home/straße/\ufb01le", "a path of a machine", "/home/straße/\ufb01le"),
        ("see /home/josé/x", "a path of a machine", "/home/josé/x"),
    ],
)
def test_what_is_spelled_otherwise_is_found_once(line: str, what: str, text: str) -> None:
    assert [(one.line, one.what, one.text) for one in scan([("README.md", f"\n{line}")])] == [(2, what, text)]


@pytest.mark.parametrize("at", [r"\u0040", r"\uff20", "&#64;", r"\u200b@"])
def test_what_json_spells_otherwise_is_found_once(at: str) -> None:
    assert [one.text for one in scan([("config.json", f'"0": "jane{at}law.example"')])] == ["jane@law.example"]
    (token,) = scan([("config.json", rf'"0": "hf_\u0061{TOKEN[4:]}"')])
    assert (token.what, token.text) == ("Hub token", TOKEN)


def test_a_short_finding_beside_a_longer_one_is_its_own() -> None:
    found = scan([("README.md", "oe@law.example and jane.d\u200boe@law.example")])
    assert [one.text for one in found] == ["oe@law.example", "jane.doe@law.example"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("SSN: 078051120", "078051120"),
        ("| ssn | 536 90 4399 |", "536 90 4399"),
        ("Social Security number (SSN): 536904399", "536904399"),
        ("the social security no. is 536.90.4399", "536.90.4399"),
        ("078-05-1120", "078-05-1120"),
    ],
)
def test_a_social_security_number_is_no_telephone_number(line: str, text: str) -> None:
    assert [(one.what, one.text) for one in scan([("README.md", line)])] == [("social security number", text)]


def test_digits_alone_are_no_social_security_number() -> None:
    assert scan([("README.md", "session 536904399; 536904399; ssn 0.536904399; SSN 000000000; SSN 5369043991")]) == []


def test_what_is_beside_a_checked_number_is_found() -> None:
    found = scan([("README.md", "4111 1111 1111 1111, (415) 555-2671, 078-05-1120")])
    assert [(one.what, one.text) for one in found] == [
        ("telephone number", "(415) 555-2671"),
        ("card number", "4111 1111 1111 1111"),
        ("social security number", "078-05-1120"),
    ]


def test_labels_in_json_are_scanned_too() -> None:
    text = '{\n  "id2label": {\n    "0": "jane@law.example",\n    "1": "+1 415 555 2671"\n  }\n}'
    assert [(finding.line, finding.what) for finding in scan([("config.json", text)])] == [
        (3, "e-mail address"),
        (4, "telephone number"),
    ]


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ('"0": "0170 1234567"', "telephone number", "0170 1234567"),
        ('"1": "(415) 555-2671", "2": "x"', "telephone number", "(415) 555-2671"),
        ('"12": "4111 1111 1111 1111"', "card number", "4111 1111 1111 1111"),
        ('"4111": "123-45-6789"', "social security number", "123-45-6789"),
        ('"7": "DE89 3704 0044 0532 0130 00", "8": "9"', "account number (IBAN)", "DE89 3704 0044 0532 0130 00"),
        ('"label": "a\u2028jane@law.example"', "e-mail address", "jane@law.example"),
    ],
)
def test_a_key_hides_no_number(line: str, kind: str, text: str) -> None:
    (found,) = scan([("config.json", f"{{\n{line}\n}}")])
    assert (found.line, found.what, found.text) == (2, kind, text)


def test_a_token_of_this_machine_is_found_whatever_it_looks_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "plain-words-only")
    assert [finding.what for finding in scan([("README.md", "of plain-words-only")])] == ["a token of this machine"]


def test_what_a_card_is_full_of_is_not_found() -> None:
    generator = random.Random(0)
    lines = [
        "fingerprint `ff7b23b8e005414c45d8d194624f52269f61dd64f22daf6a827b702829c5229d`",
        "revision 8bf99f4ae8b33a1f9b01042eac50d468ab8cc9c1, torch 2.13.0+cpu, python 3.11.7",
        "Gretton et al. (2012), https://jmlr.org/papers/v13/gretton12a.html; https://doi.org/10.1007/s10994-009-5152-4",
        "- Training: 1,234.5 s, 1,893,213 tokens, 1,893 tokens/s; and/or; n/a; 2026-11-25 12:30; 42 U.S.C. 1983-1985",
        "| trade secret | 12 | 0.412–0.567 | password |",
        '    "password": 0.93,',
    ]
    for _ in range(300):
        numbers = [generator.random(), round(generator.random(), 3), generator.randrange(10**10)]
        lines.append(f"| {numbers[0]} | {numbers[1]} | {numbers[2]:,} | {numbers[1]}–{numbers[0]:.4f} |")
    assert scan([("README.md", "\n".join(lines))]) == []
    scores = "\n".join(f'"score": {generator.random()}, "rows": {generator.randrange(10**16)},' for _ in range(300))
    assert scan([("metrics.json", scores)]) == []


def test_card_numbers_and_account_numbers_have_right_check_digits() -> None:
    assert (
        scan(
            [
                (
                    "README.md",
                    "4111 1111 1111 1112, 3782 822463 10006, de88-3704-0044-0532-0130-00 and DE88 3704 0044 0532 0130 00 and 000-12-3456",
                )
            ]
        )
        == []
    )


def test_without_the_scanners_nothing_is_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "phonenumbers", None)
    with pytest.raises(ConfigError, match=r"needs the package phonenumbers: pip install 'nlp-transfer\[hub\]'"):
        scan([("README.md", "text")])
