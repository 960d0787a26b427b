"""What a scan before a push has found: where, of what kind, and the key by which a person lets it pass."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from nlp_transfer.errors import PublishError, did_you_mean

SHOWN_CHARACTERS = 60
"""Up to how many characters of what was found are shown."""

SECRET_CHARACTERS = 4
"""Up to how many of a secret are: enough to find it by."""


@dataclass(frozen=True)
class Finding:
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

    def __str__(self) -> str:
        most = SECRET_CHARACTERS if self.kind == "secret" else SHOWN_CHARACTERS
        shown = self.text if len(self.text) <= most else f"{self.text[:most]}…"
        return f"{self.file}, line {self.line}: {self.what}: {shown!r} (to let it pass: --allow {self.key})"


def stop_at(findings: Iterable[Finding], allowed: Collection[str]) -> None:
    """Complain about what was found and not allowed.

    Raises:
        PublishError: with every such finding; or one is allowed that was not found.
    """
    found = list(findings)
    keys = [finding.key for finding in found]
    if unknown := [key for key in allowed if key not in keys]:
        raise PublishError([f"--allow: {did_you_mean('finding', key, dict.fromkeys(keys))}" for key in unknown])
    left = [finding for finding in found if finding.key not in allowed]
    if left:
        raise PublishError(
            [
                *map(str, left),
                "Nothing was sent. A label is renamed in the corpus, and the card is written to a file by --write_card "
                "FILE, edited, and given back by --card FILE.",
            ]
        )
