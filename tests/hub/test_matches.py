"""The messages of matches, each with its place and the key that lets it pass."""

import json

import pytest

from nlp_transfer.errors import PublishError
from nlp_transfer.hub.matches import ScanMatch, raise_on_matches
from nlp_transfer.hub.scan import scan


def test_a_finding_says_where_it_is_and_how_to_let_it_pass() -> None:
    secret = ScanMatch("secret", "Hub token", "README.md", 3, "hf_abcdefgh")
    assert secret.describe() == "README.md, line 3: Hub token: 'hf_a…' (to let it pass: --allow secret:46343043)"
    mail = ScanMatch("personal", "e-mail address", "config.json", 9, "jane@law.example")
    with pytest.raises(PublishError) as caught:
        raise_on_matches([secret, mail], [secret.key])
    assert caught.value.problems == [
        f"config.json, line 9: e-mail address: 'jane@law.example' (to let it pass: --allow {mail.key})",
        "Nothing was sent. A label is renamed in the corpus, and the model then trained again; the card is written to a "
        "file by --write_card FILE, edited, and given back by --card FILE.",
    ]
    raise_on_matches([secret, mail], [secret.key, mail.key])
    raise_on_matches([], [])


def test_the_same_in_several_places_is_shown_once() -> None:
    text = "\n".join(["jane@law.example", "", "jane@law.example and jane@law.example", "eve@law.example"])
    config = json.dumps({f"{i}": "jane@law.example" for i in range(20)}, indent=0)
    found = scan([("README.md", text), ("config.json", config)])
    with pytest.raises(PublishError) as caught:
        raise_on_matches(found, [])
    jane, eve = found[0].key, next(one.key for one in found if one.text == "eve@law.example")
    assert caught.value.problems[:-1] == [
        "README.md, line 1: e-mail address: 'jane@law.example' and 21 more places (README.md, line 3; config.json, line "
        "2; config.json, line 3; config.json, line 4; config.json, line 5; …) (to let it pass: --allow "
        f"{jane})",
        f"README.md, line 4: e-mail address: 'eve@law.example' (to let it pass: --allow {eve})",
    ]
    with pytest.raises(PublishError, match=r"^2 problems:\n  - README\.md, line 4: e-mail address: 'eve@law\.example'"):
        raise_on_matches(found, [jane])
    raise_on_matches(found, [jane, eve])
    with pytest.raises(PublishError, match=r"and 1 more place \(README\.md, line 3\) \(to let it pass"):
        raise_on_matches(found[:2], [])


def test_what_was_found_in_two_ways_at_one_place_is_one_place() -> None:
    found = [
        ScanMatch("secret", what, "README.md", 3, "hf_abcdefgh") for what in ("Hub token", "a token of this machine")
    ]
    with pytest.raises(PublishError) as caught:
        raise_on_matches(found, [])
    assert caught.value.problems[0] == (
        "README.md, line 3: Hub token: 'hf_a…' (to let it pass: --allow secret:46343043)"
    )


def test_a_key_that_was_not_found_is_refused() -> None:
    mail = ScanMatch("personal", "e-mail address", "config.json", 9, "jane@law.example")
    with pytest.raises(PublishError) as caught:
        raise_on_matches([mail], ["personal:f5c87038"])
    assert str(caught.value) == (
        f"--allow: Unknown finding 'personal:f5c87038'. Did you mean '{mail.key}'? Findings: {mail.key}."
    )
