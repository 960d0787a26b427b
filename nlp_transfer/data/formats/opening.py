"""Open files as text, plain or gzipped, and turn each failure into a `DataError`.

UTF-8 is checked while a file is read, because the datasets library accepts other bytes and fails later.
"""

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

MAX_ROW_BYTES = 32 << 20
"""Maximum size of a line, cell, object or text file in bytes. Longer ones lack line ends or a closing quote."""


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, decompressing `.gz`; raise `DataError` for what cannot be read, also while it is read."""
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path, "rb") as file:
                yield file  # type: ignore[misc]  # GzipFile reads like IO[bytes]
        else:
            with path.open("rb") as file:
                yield file
    except EOFError as error:
        raise DataError(f"{path}: the gzip file ends early, so its last rows are lost. Fetch it again.") from error
    except gzip.BadGzipFile as error:
        with path.open("rb") as file:
            start = file.read(SIGNATURE_BYTES)
        if not start.startswith(b"\x1f\x8b"):  # else it is damaged further on
            check_signature(path, start)
        raise DataError(f"{path}: not a whole gzip file ({error}). Fetch it again or take .gz off its name.") from error
    except zlib.error as error:
        raise DataError(f"{path}: the gzip data is damaged ({error}). Fetch it again.") from error
    except OSError as error:
        raise read_error(path, error) from error


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Yield (line number from 1, line with its end), checking UTF-8 and length; a byte order mark is dropped.

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
                raise _not_utf8(path, number, offset + error.start, raw[error.start]) from error
            offset += len(raw)
            yield number, line.removeprefix("\ufeff") if number == 1 else line


def whole_text(path: Path) -> str:
    """Return the text of a whole file; raise the errors of `text_lines`, except for long lines."""
    with open_bytes(path) as file:
        raw = file.read()
    check_signature(path, raw[:SIGNATURE_BYTES])
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = 1 + raw.count(b"\n", 0, error.start)
        raise _not_utf8(path, line, error.start, raw[error.start]) from error


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
        f"{path}: {what} is longer than {MAX_ROW_BYTES >> 20} MiB, which is no row. Is a line end or a quote missing?"
    )


def _not_utf8(path: Path, line: int, offset: int, byte: int) -> DataError:
    return DataError(
        f"{path}: line {line}: byte 0x{byte:02x} at offset {offset} is not UTF-8. "
        "Convert the file, for instance with `iconv -f latin1 -t utf-8`."
    )
