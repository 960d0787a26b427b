"""Test by token frequencies whether new texts are exchangeable with known ones.

For each of the most frequent tokens of the known texts, the numbers of texts that have it are compared by the
hypergeometric distribution; p is the smallest two-sided probability times the number of tokens (Bonferroni). What is
kept of the known texts is their number, and in how many of them each such token is: no text can be read from it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

TOKENS = 300
"""Maximum number of tokens that are compared."""

MIN_TEXTS = 20
"""Minimum number of texts of a side; fewer are not compared."""

MIN_COUNT = 5
"""Minimum number of known texts of a token that is kept; rarer ones might name somebody."""

_TAKES = f"which takes {MIN_TEXTS}"

ALARM = 0.01
"""Probability of exchangeable texts at which a difference is reported."""


@dataclass
class TokenFrequencies:
    """In how many of some texts each token is.

    Args:
        texts: number of texts.
        counts: number of texts by token id.

    Example:
        >>> TokenFrequencies.of([[5, 7, 7], [5]]).counts[7]
        1
    """

    texts: int = 0
    counts: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Self:
        """Count the tokens of texts, given as token ids."""
        made = cls()
        made.add(rows)
        return made

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the frequencies that `record` describes."""
        return cls(int(record["texts"]), Counter({int(token): int(count) for token, count in record["counts"].items()}))

    def record(self) -> dict[str, Any]:
        """Return the frequencies as JSON holds them."""
        return {"texts": self.texts, "counts": {str(token): count for token, count in self.counts.items()}}

    def add(self, rows: Iterable[Sequence[int]]) -> None:
        """Count further texts."""
        for row in rows:
            self.texts += 1
            self.counts.update(set(row))

    def most_frequent(self) -> Self:
        """Return the frequencies of the `TOKENS` most frequent tokens alone, of at least `MIN_COUNT` texts."""
        kept = {token: count for token, count in self.counts.most_common(TOKENS) if count >= MIN_COUNT}
        return type(self)(self.texts, Counter(kept))


def exchangeability(known: TokenFrequencies, new: TokenFrequencies) -> float | None:
    """Return the probability of frequencies as different as these for exchangeable texts; None for few texts.

    Args:
        known: of the most frequent tokens.

    Example:
        >>> known = TokenFrequencies.of([[1, 2]] * 30)
        >>> exchangeability(known, TokenFrequencies.of([[1, 3]] * 30)) < 1e-9
        True
    """
    from scipy.stats import hypergeom

    if min(known.texts, new.texts) < MIN_TEXTS or not known.counts:
        return None
    ours = np.array(list(known.counts.values()))
    both = ours + np.array([new.counts[token] for token in known.counts])
    drawn = hypergeom(known.texts + new.texts, both, known.texts)
    smallest = 2 * min(drawn.cdf(ours).min(), drawn.sf(ours - 1).min())
    return float(min(1.0, smallest * len(ours)))


def untested(known: TokenFrequencies, new: TokenFrequencies) -> str:
    """Return why `exchangeability` has no answer, as a clause.

    Example:
        >>> untested(TokenFrequencies.of([[1]] * 30), TokenFrequencies.of([[1]]))
        '1 text is too few for the shift test, which takes 20'
    """
    if new.texts < MIN_TEXTS:
        return f"{new.texts:,} text{' is' if new.texts == 1 else 's are'} too few for the shift test, {_TAKES}"
    return f"the decision was fitted on texts that are too few for the shift test, {_TAKES}"
