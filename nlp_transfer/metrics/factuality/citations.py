"""Citations of decisions and of law, read by eyecite; the federal codes, which it cuts short, by a pattern.

Reference: Cushman et al. (2021), eyecite: A tool for parsing legal citations, https://doi.org/10.21105/joss.03617
"""

import re
from collections.abc import Iterator

from nlp_transfer.metrics.factuality.numbers import Item, Value, take

_CODE = re.compile(
    r"(?<![\w/.-])(?P<title>\d{1,2})\s(?:(?P<usc>U\.?\s?S\.?\s?C\.?(?:\s?[AS]\.?)?)|C\.?\s?F\.?\s?R\.?)"
    r"\s?(?:§{1,2}|Sec(?:tions?|s?\.)|Parts?)?\s?"
    r"(?P<section>\d+[A-Za-z]*(?:[.-]\d+[A-Za-z]*)*(?:\s?\([A-Za-z0-9]{1,5}\))*)(?![\d/])"
)


def citation_items(text: str, taken: bytearray) -> Iterator[Item]:
    """Yield the citations outside of what is taken, and take them; see `take`.

    Example:
        >>> [item.kind for item in citation_items("42 U.S.C. § 1983", bytearray(16))]
        ['citation']
    """
    return (item for item in (*_codes(text), *_known(text)) if take(taken, item))


def _codes(text: str) -> Iterator[Item]:
    for match in _CODE.finditer(text):
        parts = re.findall(r"[^\W_]+", match["section"].lower())
        work = ("citation", "usc" if match["usc"] else "cfr", match["title"])
        values: list[Value] = [(*work, *parts[: length + 1]) for length in range(len(parts))]
        yield Item("citation", *match.span(), frozenset(values), frozenset(values[-1:]))


def _known(text: str) -> Iterator[Item]:
    """Yield full citations of eyecite's tokenizer; its `get_citations` also logs the text."""
    from eyecite.models import CitationToken
    from eyecite.tokenizers import default_tokenizer

    for _, token in default_tokenizer.tokenize(text)[1]:
        if not isinstance(token, CitationToken) or token.short:
            continue
        if text[max(0, token.start - 2) : token.start].rstrip().endswith("§"):
            continue  # "§ 823 Abs. 1" is no volume of the Ohio Law Abstract
        groups = {name: value for name, value in token.groups.items() if value}
        editions = token.exact_editions or token.variation_editions
        groups["reporter"] = min((edition.short_name for edition in editions), default=groups.get("reporter", ""))
        key = sorted((name, re.sub(r"[\s.§]", "", value).lower()) for name, value in groups.items())
        values: frozenset[Value] = frozenset([("citation", *key)])
        yield Item("citation", token.start, token.end, values, values)
