"""What a scan before a push has found: where, of what kind, and the key by which a person lets it pass."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nlp_transfer.errors import PublishError, did_you_mean

SHOWN_CHARACTERS = 60
"""Up to how many characters of what was found are shown."""

SECRET_CHARACTERS = 4
"""Up to how many of a secret are: enough to find it by."""

SHOWN_PLACES = 5
"""Up to how many further places of the same thing are named."""


@dataclass(frozen=True)
class ScanMatch:
    """One thing that should not be published.

    Args:
        kind: `secret`, `personal`, `path`, or `corpus`.
        what: what it seems to be, such as `e-mail address`.
        file: the part that holds it.
        line: the line, from 1.
        text: what was found.
    """

    kind: str
    what: str
    file: str
    line: int
    text: str

    @property
    def key(self) -> str:
        """What `--allow` takes: the kind, and a digest in place of what nobody should type."""
        return f"{self.kind}:{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"{self.file}, line {self.line}"

    def worded(self, places: Sequence[str] = ()) -> str:
        """What was found, and how to let it pass.

        Args:
            places: where else the same stands.
        """
        most = SECRET_CHARACTERS if self.kind == "secret" else SHOWN_CHARACTERS
        shown = self.text if len(self.text) <= most else f"{self.text[:most]}…"
        more = ""
        if places:
            listed = "; ".join(places[:SHOWN_PLACES]) + ("; …" if len(places) > SHOWN_PLACES else "")
            more = f" and {len(places):,} more {'place' if len(places) == 1 else 'places'} ({listed})"
        return f"{self.place}: {self.what}: {shown!r}{more} (to let it pass: --allow {self.key})"

    def __str__(self) -> str:
        return self.worded()


def raise_on_matches(findings: Iterable[ScanMatch], allowed: Collection[str]) -> None:
    """Complain about what was found and not allowed.

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
        yield first.worded(list(dict.fromkeys(other.place for other in others if other.place != first.place)))
