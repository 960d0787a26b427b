"""Sentences of a text, as character offsets, by nupunkt, which knows the abbreviations of legal English.

What it does not know is added around it: after an empty line, and on a line that begins with a number such as "2.",
"(a)" or "§ 3", a sentence begins, also where no full stop is before it; a number or an abbreviation of a reference that
stands alone ("2.", "Art.") belongs to what follows; and Chinese and Japanese sentences end with their own marks.
Reference: Bommarito et al. (2025), Precise Legal Sentence Boundary Detection for Retrieval at Scale: NUPunkt and
CharBoundary, https://arxiv.org/abs/2504.04131
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

Span = tuple[int, int]
"""First character, and the one after the last."""

_NUMBER = r"(?:\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivxlc]{1,6}|[a-zA-Z])[.)]+|\d{1,3}(?:\.\d{1,3})+|§+\s?\d+[a-z]?\.?)"

_BLOCK = re.compile(rf"\n[^\S\n]*(?:\n\s*|(?={_NUMBER}[^\S\n]))|\n(?=[^\S\n]*[-*•–][^\S\n])")
"""Between two blocks of text: an empty line, or the end of a line before a number or a bullet."""

_ALONE = re.compile(rf"(?:{_NUMBER}\s*)+\Z")

_REFERENCE = re.compile(
    r"(?:^|[\s('’\"])(?:art|arts|abs|nr|nrn|no|nos|n°|al|sec|secs|sect|§|ss|vgl|cf|vol|p|pp|par|para|paras|cl|ch|ex)\.\Z",
    re.IGNORECASE,
)
"""An abbreviation that a number follows at the end of what was taken for a sentence."""

_WIDE_END = re.compile(r"(?<=[。!?｡])(?![。!?｡」』）\"”’])")


def sentence_spans(text: str) -> list[Span]:
    """The sentences of a text in their order; together they hold every character but white space.

    Args:
        text: any. White space alone has no sentence.

    Returns:
        Offsets, without the white space around a sentence.
    """
    found: list[Span] = []
    for block in _blocks(text):
        found += _joined(text, _sentences(text, block))
    return found


def given_spans(text: str, starts: Sequence[int]) -> list[Span]:
    """The sentences of a text whose beginnings are known."""
    ends = [*starts[1:], len(text)]
    return list(_stripped(text, zip(starts, ends, strict=True)))


def spans_of(text: str, starts: Sequence[int] = ()) -> list[Span]:
    """The sentences as the corpus gives them (`sentence_starts`), else as they are found."""
    return given_spans(text, starts) if len(starts) else sentence_spans(text)


def _blocks(text: str) -> Iterator[Span]:
    """Parts of a text that share no sentence."""
    start = 0
    for match in _BLOCK.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _sentences(text: str, block: Span) -> Iterator[Span]:
    """What nupunkt finds in a block, parted further at wide full stops."""
    import nupunkt

    start = block[0]
    for first, last in nupunkt.sent_spans(text[block[0] : block[1]]):
        cuts = [match.start() for match in _WIDE_END.finditer(text, start + first, start + last)]
        edges = [start + first, *(cut for cut in cuts if start + first < cut < start + last), start + last]
        yield from _stripped(text, pairwise(edges))


def _stripped(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Spans without the white space around them; those of nothing else are left out."""
    for first, last in spans:
        part = text[first:last]
        inner = part.strip()
        if inner:
            before = len(part) - len(part.lstrip())
            yield first + before, first + before + len(inner)


def _joined(text: str, spans: Iterable[Span]) -> list[Span]:
    """Spans with numbers, and with abbreviations of references, joined to what follows."""
    joined: list[Span] = []
    open_end = False
    for first, last in spans:
        if joined and open_end:
            first = joined.pop()[0]  # noqa: PLW2901
        joined.append((first, last))
        part = text[first:last]
        open_end = bool(_ALONE.match(part) or _REFERENCE.search(part))
    return joined
