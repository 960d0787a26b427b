"""Detect the encoding of text files that are not UTF-8.

A byte order mark decides, then UTF-8, then the encoding that the user declares. Windows-1252 is taken without a
declaration only if the bytes are clearly that; other encodings are only suggested.
"""

import codecs
import contextlib
import re
from dataclasses import dataclass
from typing import IO

UTF_8 = "utf-8"

_BLOCK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS = "cp1252"
_MISREAD = re.compile("ÿ|[a-zà-ÿ](?:[À-ÞŠŒŽŸ]|[^\x00-\x7f\xa0\xad’´–—·À-ÿŠŒŽšœž][a-zà-ÿ])")
"""Symbols and capitals within words, as text of DOS and Mac looks in Windows-1252."""


@dataclass(frozen=True)
class Encoding:
    """Encoding of a file.

    Args:
        codec: name of Python's codec.
        note: what is unusual about it, as a sentence; empty for UTF-8.
        advice: what to do about a byte that cannot be decoded.
    """

    codec: str = UTF_8
    note: str = ""
    advice: str = "Set `encoding` to the file's own, such as cp1252, or convert the file to UTF-8."


def marked_encoding(start: bytes) -> str | None:
    """Return the encoding that the first bytes of a text show: a byte order mark, or the zeros of UTF-16.

    Example:
        >>> marked_encoding("text".encode("utf-16-le"))
        'utf-16-le'
    """
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return codec
    # Every other byte of Latin letters is zero.
    for zeros, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        if start[zeros:4:2] == b"\0\0" and 0 not in start[1 - zeros : 4 : 2]:
            return codec
    return None


def detect_encoding(file: IO[bytes], name: str, declared: str | None = None) -> Encoding:
    """Return the encoding of a text file, reading it from its start.

    Args:
        name: name of the file in notes.
        declared: encoding of text without a byte order mark that is not UTF-8; None detects Windows-1252.

    Example:
        >>> import io
        >>> detect_encoding(io.BytesIO("Der Käufer trägt die Kosten".encode("cp1252")), "a.txt").codec
        'cp1252'
    """
    block = file.read(_BLOCK_BYTES)
    marked = marked_encoding(block)
    if marked not in (None, UTF_8):
        return Encoding(str(marked), f"{name} is read as {str(marked).upper()}.")
    lines, utf8_lines = b"", False
    while block:
        block += file.readline(_BLOCK_BYTES)
        other = _lines_not_utf8(block)
        utf8_lines |= not block.isascii() if other is None else other[1]
        if other and len(lines) < _SAMPLE_BYTES:
            lines += other[0]
        block = file.read(_BLOCK_BYTES)
    if not lines and (utf8_lines or declared is None):
        differs = declared is not None and codecs.lookup(declared).name != UTF_8
        return Encoding(note=f"{name} is UTF-8 and read as such, not as {declared}." if differs else "")
    if declared is not None:
        return Encoding(declared, f"{name} is read as {declared}.")
    if utf8_lines:
        return Encoding(advice="Other lines are UTF-8: mend this one, or set `encoding` for the whole file.")
    return _guess(name, lines)


def _lines_not_utf8(block: bytes) -> tuple[bytes, bool] | None:
    """Return the lines that are not UTF-8, and True if another line is and not just ASCII; None if there are none."""
    with contextlib.suppress(UnicodeDecodeError):
        block.decode()
        return None
    lines, utf8_lines = [], False
    for line in block.splitlines(keepends=True):
        try:
            line.decode()
            utf8_lines |= not line.isascii()
        except UnicodeDecodeError:
            lines.append(line)
    return b"".join(lines), utf8_lines


def _guess(name: str, lines: bytes) -> Encoding:
    """Return Windows-1252 if the lines are clearly that, else UTF-8 with advice."""
    import chardet

    likely = _WINDOWS
    with contextlib.suppress(LookupError):
        likely = codecs.lookup(chardet.detect(lines)["encoding"] or _WINDOWS).name
    text = lines.decode(_WINDOWS, errors="replace")
    sure = "\ufffd" not in text and not _MISREAD.search(text)
    if sure and lines.decode(likely, errors="replace") == text:
        example = f"is not UTF-8 and read as Windows-1252 ({_example(text)!r}). Set `encoding` if that is wrong."
        return Encoding(_WINDOWS, f"{name} {example}")
    readings = {codec: _example(lines.decode(codec, errors="replace")) for codec in dict.fromkeys([likely, _WINDOWS])}
    listed = " or ".join(f"{codec} ({example!r})" for codec, example in readings.items())
    return Encoding(advice=f"Set `encoding`, such as {listed}, or convert the file to UTF-8.")


def _example(text: str) -> str:
    """Return the first word that is not ASCII, with the next one."""
    found = re.search(r"[^\s,;]*[^\x00-\x7f][^\s,;]*(?: [^\s,;]+)?", text)
    return found.group()[:40] if found else ""
