"""Built-in corpus `license_pages`: the first page of each licence text of the corpus `licenses`, drawn as an image.

The column `alike` numbers groups of texts that are alike, whose pages are alike, too: split by it
(`split: {method: grouped, column: alike}`).
"""

import io
import textwrap
from collections.abc import Container, Iterator
from typing import Any

from nlp_transfer.data.corpus import SplitConfig
from nlp_transfer.data.source import CorpusReader, RawSplit, RowBatch, batches
from nlp_transfer.data.sources.licenses import license_source
from nlp_transfer.data.splits.near_duplicates import near_duplicate_groups

PAGE_SIZE = (595, 842)
"""Width and height of a page: A4 at 72 pixels an inch."""

_MARGIN, _FONT_SIZE, _LINE_HEIGHT, _LINE_CHARACTERS = 48, 8, 10, 100
_COLUMNS = ("id", "text", "label")


def license_page_source(key: str) -> CorpusReader:
    """Return the pages, all in one split without a name; raise `DataError` if a package is missing."""
    texts = license_source(key)
    origin = texts.origin.replace("licenses", "license_pages", 1)

    def records() -> Iterator[tuple[int, dict[str, Any]]]:
        parts = [batch.columns for batch in texts.splits["all"].read(frozenset(_COLUMNS))]
        rows = [row for part in parts for row in zip(*(part[name] for name in _COLUMNS), strict=True)]
        groups = near_duplicate_groups((text for _, text, _ in rows), len(rows), SplitConfig().similarity)
        for number, ((row_id, text, label), group) in enumerate(zip(rows, groups.tolist(), strict=True), 1):
            image = {"bytes": draw_page(text), "path": f"{row_id}.png"}
            yield number, {"id": row_id, "image": image, "label": label, "alike": group}

    def read(wanted: Container[str]) -> Iterator[RowBatch]:
        return batches(records(), wanted)

    split = RawSplit("built-in corpus license_pages", read, identity=(origin, PAGE_SIZE, _FONT_SIZE))
    return CorpusReader(origin, {"all": split}, notes=texts.notes)


def draw_page(text: str) -> bytes:
    """Return the first page of a text as a PNG file; lines that are too long are wrapped.

    Example:
        >>> draw_page("Permission is hereby granted")[1:4]
        b'PNG'
    """
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("L", PAGE_SIZE, "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(_FONT_SIZE)
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, _LINE_CHARACTERS) or [""]]
    for number, line in enumerate(lines[: (PAGE_SIZE[1] - 2 * _MARGIN) // _LINE_HEIGHT]):
        draw.text((_MARGIN, _MARGIN + number * _LINE_HEIGHT), line, fill="black", font=font)
    file = io.BytesIO()
    page.save(file, "PNG")
    return file.getvalue()
