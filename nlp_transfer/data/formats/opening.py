"""Open files as text, plain or gzipped, and turn each failure into a `DataError`.

The encoding is checked while a file is read, because the datasets library accepts other bytes and fails later.
"""

import codecs
import functools
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from nlp_transfer.data.formats.encodings import UTF_8, Encoding, detect_encoding, marked_encoding
from nlp_transfer.data.formats.signatures import SIGNATURE_BYTES, check_signature
from nlp_transfer.errors import DataError
from nlp_transfer.files import file_state, read_error, read_errors

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


def text_lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, line with its end); see `text_chunks`. In a file without `\n`, `\r` ends a line.

    Raises:
        DataError: see `text_chunks`; or a line is longer than `MAX_ROW_BYTES`.

    Example:
        >>> _ = Path("a.txt").write_text("one\ntwo\n")
        >>> list(text_lines(Path("a.txt")))
        [(1, 'one\n'), (2, 'two\n')]
    """
    number, rest = 1, ""
    for chunk in text_chunks(path, encoding):
        *lines, rest = (rest + chunk).split("\n")
        for line in lines:
            if len(line) > MAX_ROW_BYTES:
                raise too_long(path, f"line {number}")
            yield number, line + "\n"
            number += 1
        if len(rest) > MAX_ROW_BYTES:
            raise too_long(path, f"line {number}")
    if number == 1 and "\r" in rest:  # the line ends of old Macs
        yield from enumerate(io.StringIO(rest, newline=None), number)
    elif rest:
        yield number, rest


def text_chunks(path: Path, encoding: str | None = None) -> Iterator[str]:
    """Yield the text in pieces of about a million characters; a byte order mark is dropped.

    Args:
        encoding: encoding of text that is not UTF-8; see `file_encoding`.

    Raises:
        DataError: see `open_bytes`; or the content is no text, or has a byte that cannot be decoded, after the text
            before it.
    """
    with open_bytes(path) as file:
        # Standard input comes as its lines.
        pieces = iter(partial(file.read1, CHUNK_BYTES), b"") if hasattr(file, "read1") else iter(file)
        start = next(pieces, b"")
        check_signature(path, start)
        known = file_encoding(path, encoding)
        # A pipe is read once, and cannot be looked through.
        known = known or Encoding(marked_encoding(start) or encoding or UTF_8)
        decoder = codecs.getincrementaldecoder(known.codec)()
        offset, line, first = 0, 1, True
        for raw in itertools.chain([start], pieces, [b""]):
            pending = len(decoder.getstate()[0])
            fault: UnicodeDecodeError | None = None
            try:
                chunk = decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                fault = error
                chunk = decoder.decode(raw[: max(error.start - pending, 0)])
            line += chunk.count("\n")
            if first and chunk:
                chunk, first = chunk.removeprefix("\ufeff"), False
            if chunk:
                yield chunk
            if fault:
                raise not_decoded(path, line, offset - pending + fault.start, fault, known) from fault
            offset += len(raw)


def file_encoding(path: Path, encoding: str | None = None) -> Encoding | None:
    """Return the encoding of a text file, which is read once for that; None for a pipe.

    Args:
        encoding: encoding of text without a byte order mark that is not UTF-8; None detects Windows-1252.
    """
    with read_errors(path):
        if not isinstance(path, Path) or not path.is_file():
            return None
        return _file_encoding(path, encoding, *file_state(path))


def encoding_notes(path: Path, encoding: str | None) -> tuple[str, ...]:
    """Return a sentence on the encoding of a file, if it is not UTF-8."""
    known = file_encoding(path, encoding)
    return (known.note,) if known and known.note else ()


@functools.lru_cache(maxsize=100_000)
def _file_encoding(path: Path, encoding: str | None, *_state: object) -> Encoding:
    with open_bytes(path) as file:
        return detect_encoding(file, path.name, encoding)


def file_text(path: Path, encoding: str | None = None) -> str:
    """Return the text of a file that is one row; raise `DataError` if it is longer than a row may be."""
    chunks, characters = [], 0
    for chunk in text_chunks(path, encoding):
        chunks.append(chunk)
        characters += len(chunk)
        if characters > MAX_ROW_BYTES:
            raise too_long(path, "the text")
    return "".join(chunks)


def too_long(path: Path, what: str) -> DataError:
    """Return the error for a line, object or text longer than `MAX_ROW_BYTES`."""
    return DataError(
        f"{path}: {what} is longer than {MAX_ROW_BYTES >> 20} MiB, which is no row. Does the file lack line ends, or a "
        "closing quote? Cut a text that is so long into parts."
    )


def not_decoded(path: Path, line: int, offset: int, error: UnicodeDecodeError, encoding: Encoding) -> DataError:
    """Return the error for a byte that is not in the encoding."""
    codec = "UTF-8" if encoding.codec == UTF_8 else encoding.codec
    byte = error.object[error.start]
    return DataError(f"{path}: line {line}: byte 0x{byte:02x} at offset {offset} is not {codec}. {encoding.advice}")
