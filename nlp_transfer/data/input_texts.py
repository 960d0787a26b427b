"""Texts to predict: rows of a file in a format of corpora, of plain text, of a folder, or of standard input."""

import itertools
import logging
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from nlp_transfer.data.formats import FORMATS, Reader, archive_hint, data_suffix
from nlp_transfer.data.formats.opening import encoding_notes, file_text, text_lines
from nlp_transfer.data.source import MAX_BATCH_ROWS, FileSettings, RowBatch, batches
from nlp_transfer.data.sources.text_folder import TEXT_SUFFIXES, text_files
from nlp_transfer.data.validation.columns import as_strings, holds_lists
from nlp_transfer.data.validation.documents import join_sentence_lists, to_list
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.errors import DataError, did_you_mean
from nlp_transfer.files import read_errors

log = logging.getLogger(__name__)

MAX_WINDOW_ROWS = MAX_BATCH_ROWS
"""Maximum number of rows held in memory together."""

MAX_WINDOW_CHARACTERS = 2_000_000
"""Approximate maximum number of characters of a window; bounds memory for long texts."""

STANDARD_INPUT = "-"
"""Name of standard input in place of a file."""

TEXT_FORMATS = ("auto", "jsonl", "text", "document", "csv", "tsv")
"""Names of formats. `text` has one text a line, `document` is one text, `auto` decides by suffix or first line."""

PLAIN_SUFFIX = ".txt"

FILE_KINDS = f"{', '.join(FORMATS)} or {PLAIN_SUFFIX} (one text a line), each also with .gz"
"""List of readable files, for messages and help."""


class InputReader:
    r"""Rows of a file, of a folder of text files, or of standard input, read once.

    Args:
        name: the file, the folder, or `-`; see `FILE_KINDS`. Each text file in a folder, at any depth, is a row with
            its path as id.
        plain_text_format: format of plain text where `file_format` is `auto`: `text` or `document`. A document may also
            be a list of its sentences, in formats that have lists.
        settings: encoding of files that are not UTF-8.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("texts.txt").write_text("first clause\nsecond clause\n")
        >>> list(InputReader("texts.txt"))
        [(0, 'first clause'), (1, 'second clause')]
    """

    def __init__(
        self,
        name: str = STANDARD_INPUT,
        *,
        text_column: str = "text",
        file_format: str = "auto",
        plain_text_format: str = "text",
        settings: FileSettings | None = None,
    ) -> None:
        if file_format not in TEXT_FORMATS:
            raise DataError(did_you_mean("format", file_format, TEXT_FORMATS))
        self.text_column = text_column
        self._settings = settings or FileSettings()
        self._noted: set[str] = set()
        self._documents = plain_text_format == "document"
        self._whole = file_format == "document" or (file_format == "auto" and plain_text_format == "document")
        if name == STANDARD_INPUT:
            piped = _StandardInput(sys.stdin.buffer)
            # The readers ask a path for two things only, its name and an open file.
            self.path = cast(Path, piped)
            self._suffix = piped.suffix() if file_format == "auto" else f".{file_format}"
            return
        if not name:
            raise DataError("The file's name is empty; expected a file, or - for standard input.")
        self.path = Path(name).expanduser()
        with read_errors(self.path):
            if not self.path.exists():
                raise DataError(f"There is no file {name} (from {Path.cwd()}). Name a file, or - for standard input.")
            if self.path.is_dir():
                if file_format not in ("auto", "document"):
                    raise DataError(f"{name} is a folder, and --format {file_format} is that of a file. Leave it out.")
                if next(text_files(self.path), None) is None:
                    raise DataError(f"{name} is a folder without a text file ({' or '.join(TEXT_SUFFIXES)}).")
                self._suffix = _FOLDER
                return
        self._suffix = data_suffix(self.path) if file_format == "auto" else f".{file_format}"
        if file_format == "auto" and self._suffix != PLAIN_SUFFIX and self._suffix not in FORMATS:
            raise DataError(
                f"{name}: no format is known by the suffix {self._suffix!r}.{archive_hint(self.path)} Files end in "
                f"{FILE_KINDS}; or set --format {', '.join(TEXT_FORMATS[1:])}."
            )

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield (id, text) in order; the id is the column `id`, else the row's number from 0.

        A document that is a list of sentences stays a list.

        A `DataError` for a bad row is raised after the rows before it.
        """
        reader: Reader | None = FORMATS.get(self._suffix)
        column, count = self.text_column, 0
        if reader is None:
            column = _PLAIN_COLUMN
            reader = _read_folder if self._suffix == _FOLDER else _read_document if self._whole else _read_plain_text
        for batch in reader(self.path, frozenset(["id", column]), self._settings):
            for note in set(batch.notes) - self._noted:
                log.warning(note)
            self._noted.update(batch.notes)
            if column not in batch.columns:
                raise DataError(
                    f"{self.path}: {batch.unit} {batch.first_row}: there is no column {column!r}; columns found: "
                    f"{', '.join(batch.available) or 'none'}. Say which one holds the text with --text_column."
                )
            values = batch.columns[column]
            given_ids = to_list(batch.columns.get("id", [None] * len(values)))
            ids = [number if value is None else value for number, value in enumerate(given_ids, count)]
            errors = RowErrors(str(self.path), batch.unit, dict(enumerate(ids, batch.first_row)))
            given: list[Any] | None = None
            if self._documents and holds_lists(values):
                given = to_list(values)
                values, _ = join_sentence_lists(given, batch.first_row, errors)
            texts: pa.Array = as_strings(values, column, batch.first_row, errors)
            bad = errors.first_row()
            good = len(ids) if bad is None else bad - batch.first_row
            yield from zip(ids[:good], given[:good] if given else texts[:good].to_pylist(), strict=True)
            errors.check()
            count += len(ids)

    def check(self) -> None:
        """Read all rows once and raise `DataError` for bad ones; standard input and pipes are not read."""
        if not isinstance(self.path, _StandardInput) and (self.path.is_file() or self.path.is_dir()):
            for _ in self:
                pass


_PLAIN_COLUMN = "text"

_FOLDER = "/"
"""Stands for the suffix of a folder."""


def _read_plain_text(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Yield one text a line; row N is line N."""
    records = ((number, {_PLAIN_COLUMN: line.rstrip("\r\n")}) for number, line in text_lines(path, settings.encoding))
    return batches(records, wanted, "line", encoding_notes(path, settings.encoding))


def _read_document(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Yield a file as one text."""
    text = file_text(path, settings.encoding)
    return batches(
        [(1, {_PLAIN_COLUMN: text})] if text else [], wanted, "document", encoding_notes(path, settings.encoding)
    )


def _read_folder(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Yield each text file of a folder as one text."""
    records = (
        (row, {"id": file.relative_to(path).as_posix(), _PLAIN_COLUMN: file_text(file, settings.encoding)})
        for row, file in enumerate(sorted(text_files(path)), 1)
    )
    return batches(records, wanted, "file")


class _StandardInput:
    """Stream that is read like a path."""

    name = "standard input"

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._seen: list[bytes] = []

    def __str__(self) -> str:
        return self.name

    def suffix(self) -> str:
        """Return `.jsonl` if the first text is a JSON object, else `.txt`."""
        for line in self._stream:
            self._seen.append(line)
            start = line.lstrip(b"\xef\xbb\xbf \t\r\n")
            if start:
                return ".jsonl" if start.startswith(b"{") else PLAIN_SUFFIX
        return PLAIN_SUFFIX

    @contextmanager
    def open(self, mode: str) -> Iterator[Iterable[bytes]]:
        """Yield the lines."""
        yield itertools.chain(self._seen, self._stream)


def row_windows(rows: Iterable[tuple[Any, Any]]) -> Iterator[list[tuple[Any, Any]]]:
    """Group consecutive rows, up to `MAX_WINDOW_ROWS` and `MAX_WINDOW_CHARACTERS`.

    An error of `rows` is raised after the rows before it were yielded.

    Example:
        >>> list(row_windows([(0, "first"), (1, "second")]))
        [[(0, 'first'), (1, 'second')]]
    """
    window: list[tuple[Any, str]] = []
    characters = 0
    try:
        for row in rows:
            window.append(row)
            characters += len(row[1]) if isinstance(row[1], str) else sum(map(len, row[1]))
            if len(window) >= MAX_WINDOW_ROWS or characters >= MAX_WINDOW_CHARACTERS:
                yield window
                window, characters = [], 0
    except DataError:
        if window:
            yield window
        raise
    if window:
        yield window
