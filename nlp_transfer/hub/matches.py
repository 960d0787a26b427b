"""Matches of the scan before a push: their place, their kind, and the key that lets them pass."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nlp_transfer.errors import PublishError, did_you_mean

SHOWN_CHARACTERS = 60
"""Number of characters of a match that are shown at most."""

SECRET_CHARACTERS = 4
"""The same of a secret: enough to find it by."""

SHOWN_PLACES = 5
"""Number of further places of a match that are named at most."""


@dataclass(frozen=True)
class ScanMatch:
    """Hold one text that should not be published.

    Args:
        kind: `secret`, `personal`, `path`, or `corpus`.
        what: what it seems to be, such as `e-mail address`.
        file: the part that holds it.
        line: the line, from 1.
        text: the text.

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
        """The value of `--allow`: the kind, and a digest of the text."""
        return f"{self.kind}:{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}, line {self.line}"

    def describe(self, places: Sequence[str] = ()) -> str:
        """Describe the match, and how to let it pass.

        Args:
            places: further places of the same text.
        """
        most = SECRET_CHARACTERS if self.kind == "secret" else SHOWN_CHARACTERS
        shown = self.text if len(self.text) <= most else f"{self.text[:most]}…"
        more = ""
        if places:
            listed = "; ".join(places[:SHOWN_PLACES]) + ("; …" if len(places) > SHOWN_PLACES else "")
            more = f" and {len(places):,} more {'place' if len(places) == 1 else 'places'} ({listed})"
        return f"{self.place}: {self.what}: {shown!r}{more} (to let it pass: --allow {self.key})"

    def __str__(self) -> str:
        return self.describe()


def raise_on_matches(findings: Iterable[ScanMatch], allowed: Collection[str]) -> None:
    """Raise on matches that are not allowed.

    Raises:
        PublishError: with every such finding, the same thing in several places once; or one is allowed that was not
            found.
    """
    found = list(findings)
    keys = [finding.key for finding in found]
    if unknown := [key for key in allowed if key not in keys]:
        raise PublishError([f"--allow: {did_you_mean('finding', key, dict.fromkeys(keys))}" for key in unknown])
    left = [finding for finding in found if finding.key not in allowed]
    if left:
        raise PublishError(
            [
                *_once_each(left),
                "Nothing was sent. A label is renamed in the corpus, and the model then trained again; the card is "
                "written to a file by --write_card FILE, edited, and given back by --card FILE.",
            ]
        )


def _once_each(findings: Iterable[ScanMatch]) -> Iterator[str]:
    by_key: dict[str, list[ScanMatch]] = {}
    for finding in findings:
        by_key.setdefault(finding.key, []).append(finding)
    for first, *others in by_key.values():
        yield first.describe(list(dict.fromkeys(other.place for other in others if other.place != first.place)))
