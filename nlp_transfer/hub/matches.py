"""Hold the matches of the scan before a push, each with the key that lets it pass."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nlp_transfer.errors import PublishError, did_you_mean

SHOWN_CHARACTERS, SECRET_CHARACTERS = 60, 4
"""Maximum number of characters of a match in a message; of a secret, enough to find it by."""

SHOWN_PLACES = 5
"""Maximum number of further places in a message."""


@dataclass(frozen=True)
class ScanMatch:
    """Hold one text that should not be published.

    Args:
        kind: `secret`, `personal`, `path`, or `corpus`.

    Example:
        >>> print(ScanMatch("personal", "e-mail address", "README.md", 3, "jane@law.example").describe())
        README.md, line 3: e-mail address: 'jane@law.example' (to let it pass: --allow personal:f5c87037)
    """

    kind: str
    what: str
    file: str
    line: int
    text: str

    @property
    def key(self) -> str:
        """Return the value of `--allow`: the kind, and a digest of the text."""
        return f"{self.kind}:{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    @property
    def place(self) -> str:
        """Return file and line."""
        return f"{self.file}, line {self.line}"

    def describe(self, places: Sequence[str] = ()) -> str:
        """Describe the match, with further places of the same text, and the key that lets it pass."""
        most = SECRET_CHARACTERS if self.kind == "secret" else SHOWN_CHARACTERS
        text = self.text if len(self.text) <= most else f"{self.text[:most]}…"
        more = ""
        if places:
            listed = "; ".join(places[:SHOWN_PLACES]) + ("; …" if len(places) > SHOWN_PLACES else "")
            more = f" and {len(places):,} more {'place' if len(places) == 1 else 'places'} ({listed})"
        return f"{self.place}: {self.what}: {text!r}{more} (to let it pass: --allow {self.key})"


def raise_on_matches(matches: Sequence[ScanMatch], allowed: Collection[str]) -> None:
    """Raise on matches that are not allowed, a text in several places once, or on an allowed key that no match has."""
    by_key: dict[str, list[ScanMatch]] = {}
    for match in matches:
        by_key.setdefault(match.key, []).append(match)
    if unknown := [key for key in allowed if key not in by_key]:
        raise PublishError([f"--allow: {did_you_mean('finding', key, by_key)}" for key in unknown])
    refused = [
        first.describe(list(dict.fromkeys(other.place for other in others if other.place != first.place)))
        for key, (first, *others) in by_key.items()
        if key not in allowed
    ]
    if refused:
        raise PublishError(
            [
                *refused,
                "Nothing was sent. A label is renamed in the corpus, and the model then trained again; the card is "
                "written to a file by --write_card FILE, edited, and given back by --card FILE.",
            ]
        )
