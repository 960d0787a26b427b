"""Split texts into sentences, as character offsets, by nupunkt, which knows the abbreviations of legal English.

Added rules: headings in capitals, bullets and numbered clauses ("2.", "(a)", "§ 3") begin a sentence; a number or an
abbreviation of a reference ("Art.") belongs to the text that follows; other scripts have end marks of their own.
Reference: Bommarito et al. (2025), https://arxiv.org/abs/2504.04131
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

CharSpan = tuple[int, int]
"""First character, and the one after the last."""

_NUMBER = re.compile(
    r"\(?(?:\d{1,3}(?:\.\d{1,3})*|[ivxlcIVXLC]{1,6}|[a-zA-Z])[.)]{1,2}(?:\([a-z0-9]{1,4}\))*"
    r"|\d{1,3}(?:\.\d{1,3})+|§+\d*[a-z]?\.?"
)
"""Word that numbers a clause."""

_BULLETS = frozenset("-*•–")

_MAX_NUMBER_CHARACTERS = 40
"""Maximum number of characters of a clause number."""

_REFERENCE = re.compile(
    r"(?:^|[\s('’\"])(?:art|arts|abs|nr|nrn|no|nos|n°|al|sec|secs|sect|§|ss|vgl|cf|vol|p|pp|par|para|paras|cl|ch|ex)\.\Z",
    re.IGNORECASE,
)
"""Abbreviation before a number, at the end of a detected sentence."""

_REFERRING = frozenset(
    """
    section sections sec article articles art clause clauses paragraph paragraphs para rule rules part chapter exhibit
    schedule annex appendix item items no nos number § §§ than of to in by under a the
    """.split()  # noqa: SIM905
)
"""Words after which a number on the next line is no clause number."""

_OWN_END = re.compile(
    "(?<=[\u3002\uff61\uff01\uff1f\u0964\u061f\u06d4])(?![\u3002\uff61\uff01\uff1f\u300d\u300f\uff09)\u201d\u2019])"
)
"""Position after an end mark that is not Latin, unless a closing bracket or another mark follows."""

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")


def sentence_spans(text: str, starts: Sequence[int] = ()) -> list[CharSpan]:
    """Split a text into sentences; together they hold every character except white space.

    Args:
        text: any text. White space has no sentence.
        starts: the first character of each sentence, where the corpus gives them (`sentence_starts`).

    Returns:
        Character offsets (start, end), without the white space around a sentence.

    Example:
        >>> sentence_spans("One. Two.")
        [(0, 4), (5, 9)]
    """
    if len(starts):
        return list(_strip_spans(text, zip(starts, [*starts[1:], len(text)], strict=True)))
    spans: list[CharSpan] = []
    for block in _blocks(text):
        spans += _join_clause_numbers(text, _sentences(text, block))
    return spans


def _blocks(text: str) -> Iterator[CharSpan]:
    """Yield parts of a text that share no sentence."""
    start = end = 0
    before = ""  # the last line that is not empty, of this block
    for match in _LINE.finditer(text):
        line = match.group().strip()
        if not line:
            if before:
                yield start, end
                start, before = end, ""
        elif before and _begins_block(before, line):
            yield start, end
            start, before = match.start(), line
        else:
            before = line
        end = match.end()
    yield start, len(text)


def _begins_block(before: str, line: str) -> bool:
    """Return True if a line begins a sentence whatever ends the line before."""
    if before.isupper() != line.isupper() and _has_letters(before) and _has_letters(line):
        return True
    first, _, rest = line.partition(" ")
    if not rest:
        return False
    if first in _BULLETS:
        return True
    last = before.rsplit(maxsplit=1)[-1].lower().rstrip(".")
    return bool(_NUMBER.fullmatch(first)) and last not in _REFERRING


def _has_letters(line: str) -> bool:
    return sum(character.isalpha() for character in line) > 1


def _sentences(text: str, block: CharSpan) -> Iterator[CharSpan]:
    """Yield the sentences of a block by nupunkt, split further at end marks that it does not know."""
    import nupunkt

    start = block[0]
    for first, last in nupunkt.sent_spans(text[block[0] : block[1]]):
        cuts = [match.start() for match in _OWN_END.finditer(text, start + first, start + last)]
        edges = [start + first, *(cut for cut in cuts if start + first < cut < start + last), start + last]
        yield from _strip_spans(text, pairwise(edges))


def _strip_spans(text: str, spans: Iterable[CharSpan]) -> Iterator[CharSpan]:
    """Yield spans without the white space around them, except empty ones."""
    for first, last in spans:
        part = text[first:last]
        inner = part.strip()
        if inner:
            before = len(part) - len(part.lstrip())
            yield first + before, first + before + len(inner)


def _join_clause_numbers(text: str, spans: Iterable[CharSpan]) -> list[CharSpan]:
    """Join clause numbers and abbreviations of references to the span that follows."""
    joined: list[CharSpan] = []
    open_end = False
    for first, last in spans:
        if joined and open_end:
            first = joined.pop()[0]  # noqa: PLW2901
        joined.append((first, last))
        open_end = _is_clause_number(text[first:last]) or bool(_REFERENCE.search(text[max(first, last - 12) : last]))
    return joined


def _is_clause_number(part: str) -> bool:
    """Return True if a part holds clause numbers only."""
    return len(part) <= _MAX_NUMBER_CHARACTERS and all(map(_NUMBER.fullmatch, part.split()))
