"""Open files as text, plain or gzipped, and turn each failure into a `DataError`.

UTF-8 is checked while a file is read, because the datasets library accepts other bytes and fails later.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from nlp_transfer.data.formats.signatures import SIGNATURE_BYTES, check_signature
from nlp_transfer.errors import DataError
from nlp_transfer.files import read_error

CHUNK_BYTES = 1 << 20

MAX_ROW_BYTES = 32 << 20
"""Maximum size of a line, cell, object or text file in bytes. Longer ones lack line ends or a closing quote."""


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, decompressing `.gz`.

    Raises:
        DataError: the file cannot be read, or its gzip data is invalid, truncated or damaged; also while it is read.
    """
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path, "rb") as file:
                yield file  # type: ignore[misc]  # GzipFile reads like IO[bytes]
        else:
            with path.open("rb") as file:
                yield file
    except EOFError as error:
        raise DataError(
            f"{path}: the gzip file ends early, so its last rows are lost. Was its download or copy cut off? Fetch "
            "it again."
        ) from error
    except gzip.BadGzipFile as error:
        _check_packed(path)
        raise DataError(
            f"{path}: not a whole gzip file ({error}). Take .gz off its name if it is not compressed, else fetch it "
            "again."
        ) from error
    except zlib.error as error:
        raise DataError(f"{path}: the gzip data is damaged ({error}). Fetch it again.") from error
    except OSError as error:
        raise read_error(path, error) from error


def _check_packed(path: Path) -> None:
    """Raise `DataError` for a file named `.gz` that is no gzip file."""
    try:
        with path.open("rb") as file:
            start = file.read(SIGNATURE_BYTES)
    except OSError as error:
        raise read_error(path, error) from error
    if not start.startswith(b"\x1f\x8b"):  # damaged further on, where it is
        check_signature(path, start)


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, line with its end), checking UTF-8; a byte order mark is dropped.

    Raises:
        DataError: see `open_bytes`; or the content is no text, not UTF-8, or has a line longer than `MAX_ROW_BYTES`.

    Example:
        >>> _ = Path("a.txt").write_text("one\ntwo\n")
        >>> list(text_lines(Path("a.txt")))
        [(1, 'one\n'), (2, 'two\n')]
    """
    with open_bytes(path) as file:
        offset = 0
        # Standard input comes as its lines.
        lines = iter(partial(file.readline, MAX_ROW_BYTES + 1), b"") if hasattr(file, "readline") else file
        for number, raw in enumerate(lines, 1):
            if number == 1:
                check_signature(path, raw)
            if len(raw) > MAX_ROW_BYTES:
                raise too_long(path, f"line {number}")
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise not_utf8(path, number, offset + error.start, raw[error.start]) from error
            offset += len(raw)
            yield number, line.removeprefix("\ufeff") if number == 1 else line


def text_chunks(path: Path) -> Iterator[str]:
    """Yield the text in pieces of about a million characters, checking UTF-8; a byte order mark is dropped.

    Raises:
        DataError: see `open_bytes`; or the content is no text or not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(path) as file:
        offset, line, first = 0, 1, True
        while True:
            raw = file.read(CHUNK_BYTES)
            if not offset:
                check_signature(path, raw)
            pending = len(decoder.getstate()[0])
            try:
                chunk = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                start = offset - pending + error.start
                line += error.object[: error.start].count(b"\n")
                raise not_utf8(path, line, start, error.object[error.start]) from error
            offset += len(raw)
            line += chunk.count("\n")
            if chunk:
                yield chunk.removeprefix("\ufeff") if first else chunk
                first = False
            if not raw:
                return


def file_text(path: Path) -> str:
    """Return the text of a file that is one row; raise `DataError` if it is longer than a row may be."""
    lines, characters = [], 0
    for _, line in text_lines(path):
        lines.append(line)
        characters += len(line)
        if characters > MAX_ROW_BYTES:
            raise too_long(path, "the text")
    return "".join(lines)


def too_long(path: Path, what: str) -> DataError:
    """Return the error for a line, object or text longer than `MAX_ROW_BYTES`."""
    return DataError(
        f"{path}: {what} is longer than {MAX_ROW_BYTES >> 20} MiB, which is no row. Does the file lack line ends, or a "
        "closing quote? Cut a text that is so long into parts."
    )


def not_utf8(path: Path, line: int, offset: int, byte: int) -> DataError:
    """Return the error for a byte that is not UTF-8."""
    return DataError(
        f"{path}: line {line}: byte 0x{byte:02x} at offset {offset} is not UTF-8. "
        "Convert the file, for instance with `iconv -f latin1 -t utf-8`."
    )
