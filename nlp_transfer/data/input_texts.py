"""Texts to predict: rows of a file in a format of corpora, of plain text, of a folder, or of standard input."""

import itertools
import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from nlp_transfer.data.column_names import AllColumns, first_rows, text_suggestion
from nlp_transfer.data.formats import FORMATS, Reader, data_suffix, suffix_hint
from nlp_transfer.data.formats.opening import encoding_notes, file_text, text_lines
from nlp_transfer.data.source import FileSettings, RawSplit, RowBatch, batches
from nlp_transfer.data.sources.class_folders import IMAGE_FILES, TEXT_FILES
from nlp_transfer.data.text_rows import TextRows, columns_advice
from nlp_transfer.data.validation.images import any_file, files_inside
from nlp_transfer.data.validation.row_kinds import DOCUMENTS, IMAGES, ROW_KINDS, TEXTS
from nlp_transfer.errors import DataError, did_you_mean
from nlp_transfer.files import read_errors

STANDARD_INPUT = "-"
"""Name of standard input in place of a file."""

TEXT_FORMATS = ("auto", "jsonl", "text", "document", "csv", "tsv")
"""Names of formats. `text` has one text a line, `document` is one text, `auto` decides by suffix or first line."""

PLAIN_SUFFIX = ".txt"

FILE_KINDS = f"{', '.join(FORMATS)} or {PLAIN_SUFFIX} (one text a line), each also with .gz"
"""List of readable files, for messages and help."""


class InputReader(TextRows):
    r"""Rows of a file, of a folder of text or image files, or of standard input, read once.

    Args:
        name: the file, the folder, or `-`; see `FILE_KINDS`. Each text file in a folder, at any depth, is a row with
            its path as id.
        text_column: the column that holds the text; None is that of the kind, or its name in `columns`.
        kind: name of the kind of rows, from `ROW_KINDS`. A file of plain text is one document where `file_format` is
            `auto`.
        columns: other names of columns (theirs: ours); see `TextRows`.
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
        text_column: str | None = None,
        file_format: str = "auto",
        kind: str = TEXTS,
        columns: Mapping[str, str] | None = None,
        settings: FileSettings | None = None,
    ) -> None:
        if file_format not in TEXT_FORMATS:
            raise DataError(did_you_mean("format", file_format, TEXT_FORMATS))
        texts = ROW_KINDS[kind].texts
        names = [text_column, *texts, *(columns or {})]
        piped = name == STANDARD_INPUT
        self.path, suffix = _standard_input(file_format, names) if piped else _place(name, file_format, kind)
        whole = file_format == "document" or (file_format == "auto" and kind == DOCUMENTS)
        read: Reader = _read_folder if suffix == _FOLDER else _read_document if whole else _read_plain_text
        read = _read_images if suffix in (_FOLDER, _IMAGE) and kind == IMAGES else read
        if suffix in FORMATS:
            read = FORMATS[suffix]
        elif len(texts) > 1:
            raise DataError(
                f"{self.path} holds one text a row, and each row needs two, {' and '.join(map(repr, texts))}. Give "
                "them as columns of JSON Lines, CSV or Parquet (--format for standard input)."
            )
        elif read is not _read_images:
            text_column = _PLAIN_COLUMN
        if text_column is not None and len(texts) > 1:
            raise DataError(f"--text_column names one column, and each row needs two texts. {columns_advice(texts)}")
        path, settings = self.path, replace(settings or FileSettings(), keep_broken=True)
        folder = path if suffix == _FOLDER else path.parent if not piped else None
        find_file = any_file if folder is None else files_inside(folder)
        split = RawSplit(str(path), lambda wanted: read(path, wanted, settings), find_file=find_file)
        advice = "Say which one holds the text with --text_column."
        if len(texts) > 1:
            advice = columns_advice(texts)
        super().__init__(split, kind, columns, text_column=text_column, advice=advice)

    @property
    def is_read_again(self) -> bool:
        """Return True for files and folders; standard input and pipes can be read once."""
        return not isinstance(self.path, _StandardInput) and (self.path.is_file() or self.path.is_dir())

    def suggestion(self) -> str:
        """Return the column with the longest strings as advice; what is read once is not read again for that."""
        if not self.is_read_again or len(ROW_KINDS[self.kind].texts) > 1:
            return super().suggestion()
        return text_suggestion(first_rows(self.split.read(AllColumns())), "--text_column {!r}")

    def check(self) -> None:
        """Read all rows once and raise `DataError` for bad ones, unless they can be read once only."""
        if self.is_read_again:
            for _ in self:
                pass


def _standard_input(file_format: str, names: Iterable[str | None]) -> tuple[Path, str]:
    """Return standard input as a path, and its suffix; the names are of columns that texts may have."""
    piped = _StandardInput(sys.stdin.buffer)
    # The readers ask a path for two things only, its name and an open file.
    return cast(Path, piped), piped.suffix(names) if file_format == "auto" else f".{file_format}"


def _place(name: str, file_format: str, kind: str) -> tuple[Path, str]:
    """Return a file or folder, and the suffix of its format; raise `DataError` if it cannot be read."""
    if not name:
        raise DataError("The file's name is empty; expected a file, or - for standard input.")
    path = Path(name).expanduser()
    with read_errors(path):
        if not path.exists():
            raise DataError(f"There is no file {name} (from {Path.cwd()}). Name a file, or - for standard input.")
        if path.is_dir():
            if file_format not in ("auto", "document"):
                raise DataError(f"{name} is a folder, and --format {file_format} is that of a file. Leave it out.")
            files = IMAGE_FILES if kind == IMAGES else TEXT_FILES
            if next(files.files(path), None) is None:
                raise DataError(f"{name} is a folder without a {files.noun} file ({files.listed}).")
            return path, _FOLDER
    if kind == IMAGES and path in IMAGE_FILES:
        return path, _IMAGE
    suffix = data_suffix(path) if file_format == "auto" else f".{file_format}"
    if file_format == "auto" and suffix != PLAIN_SUFFIX and suffix not in FORMATS:
        raise DataError(
            f"{name}: no format is known by the suffix {suffix!r}.{suffix_hint(path)} Files end in "
            f"{FILE_KINDS}; or set --format {', '.join(TEXT_FORMATS[1:])}."
        )
    return path, suffix


_PLAIN_COLUMN = "text"

_FOLDER, _IMAGE = "/", "image"
"""Stand for the suffixes of a folder, and of a file that is an image."""


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
        for row, file in enumerate(sorted(TEXT_FILES.files(path)), 1)
    )
    return batches(records, wanted, "file")


def _read_images(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Yield the path of each image file of a folder, or of one file."""
    folder, files = (path, sorted(IMAGE_FILES.files(path))) if path.is_dir() else (path.parent, [path])
    names = [file.relative_to(folder).as_posix() for file in files]
    return batches(((row, {"id": name, "image": name}) for row, name in enumerate(names, 1)), wanted, "file")


class _StandardInput:
    """Stream that is read like a path."""

    name = "standard input"

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._seen: list[bytes] = []

    def __str__(self) -> str:
        return self.name

    def suffix(self, names: Iterable[str | None]) -> str:
        """Return `.jsonl` if the first line is a JSON object, `.csv` if it is a header of known names, else `.txt`."""
        known = {name.lower() for name in names if name}
        for line in self._stream:
            self._seen.append(line)
            start = line.lstrip(b"\xef\xbb\xbf \t\r\n").decode(errors="replace").partition("\r")[0]
            if start:
                cells = {cell.strip(' "\r\n').lower() for cell in re.split(r"[,;\t|]", start)}
                is_header = len(cells) > 1 and bool(cells & known)
                return ".jsonl" if start.startswith("{") else ".csv" if is_header else PLAIN_SUFFIX
        return PLAIN_SUFFIX

    @contextmanager
    def open(self, mode: str) -> Iterator[Iterable[bytes]]:
        """Yield the lines."""
        yield itertools.chain(self._seen, self._stream)
