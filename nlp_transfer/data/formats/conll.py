"""Read CoNLL columns: a word and its tags a line, a blank line after each sentence, which is a row.

The word is the first column and the tag the last, separated by tabs or blanks. A row has `tokens`, `tags` and `text`,
the words joined by blanks. Comments (`# …`) and `-DOCSTART-` lines hold no word. Row N is sentence N.
"""

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.opening import encoding_notes, text_lines
from nlp_transfer.data.source import BrokenRow, FileSettings, RowBatch, batches

DOCUMENT_START = "-DOCSTART-"

_TAG = re.compile(r"O|[BIELSU]-.+")


def read_conll(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read a file of CoNLL columns.

    Raises:
        DataError: unreadable (see `open_bytes`), or a line with one column; names the line.
    """
    notes = encoding_notes(path, settings.encoding)
    records = enumerate(_sentences(path, settings.encoding), 1)
    return batches(records, wanted, "sentence", notes, keep_broken=settings.keep_broken)


def _sentences(path: Path, encoding: str | None) -> Iterator[dict[str, Any] | BrokenRow]:
    """Yield the words and tags of each sentence."""
    words, tags = list[str](), list[str]()
    broken: BrokenRow | None = None
    for number, line in text_lines(path, encoding):
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line.strip() else line.split()
        if not any(cells) or cells[0] == DOCUMENT_START:
            yield from _row(words, tags, broken)
            words, tags, broken = [], [], None
        elif len(cells) < 2 and not line.startswith("#"):
            advice = "Expected a word, and its tag in the last column, separated by tabs or blanks."
            broken = broken or BrokenRow(f"{path}: line {number}", f"has one column: {cells[0][:40]!r}", advice)
        elif not line.startswith("#") or (len(cells) == 2 and _TAG.fullmatch(cells[-1])):
            words.append(cells[0])
            tags.append(cells[-1])
    yield from _row(words, tags, broken)


def _row(words: list[str], tags: list[str], broken: BrokenRow | None) -> Iterator[dict[str, Any] | BrokenRow]:
    if broken is not None:
        yield broken
    elif words:
        yield {"tokens": words, "tags": tags, "text": " ".join(words)}
