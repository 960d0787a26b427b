"""Read JSON: an array of objects, one at a time so that large files fit, or JSON Lines with the suffix `.json`."""

import itertools
import json
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.data.formats.json_lines import DECODER, RepeatedKey, read_json_lines, repeated_key
from nlp_transfer.data.formats.opening import MAX_ROW_BYTES, encoding_notes, text_chunks, too_long
from nlp_transfer.data.source import FileSettings, RowBatch, batches
from nlp_transfer.errors import DataError

_LONGEST_TOKEN = 16
"""Characters before the end of a text, at most, where a cut-off word, number or escape (`-Infinity`, `\\ud83d\\ude00`)
is complained of."""

_SPACE = re.compile(r"[ \t\n\r]*")


def read_json(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read a JSON file; row N is the N-th object of its array, or line N of JSON Lines.

    Raises:
        DataError: unreadable (see `open_bytes`), broken JSON, something that is no object, or an object that repeats a
            key; names the place.
    """
    start = ""
    for chunk in text_chunks(path, settings.encoding):
        start = (start + chunk).lstrip()
        if start:
            break
    if not start:
        return iter(())
    if start[0] == "[":
        notes = encoding_notes(path, settings.encoding)
        return batches(enumerate(_elements(path, settings.encoding), 1), wanted, "object", notes)
    first_line = start.split("\n", 1)[0].strip()
    if first_line.startswith("{") and not first_line.endswith("}") and "\n" in start:
        raise DataError(
            f"{path}: holds one JSON object over many lines; expected an array of objects, or one object a line "
            "(.jsonl)."
        )
    return read_json_lines(path, wanted, settings)


def _elements(path: Path, encoding: str | None) -> Iterator[dict[str, Any]]:
    """Yield the objects of the array in `path`, holding one piece of the file at a time."""
    text = _Window(text_chunks(path, encoding))
    count = 0
    text.peek()
    text.skip(1)  # the opening bracket
    while True:
        character = text.peek()
        if character == "]":
            text.skip(1)
            if text.peek():
                raise DataError(f"{path}: line {text.line}: text follows the end of the array; it would be lost.")
            return
        if count:
            if character not in (",", ""):
                raise DataError(
                    f"{path}: line {text.line}: expected ',' or ']' after object {count}, found {character!r}."
                )
            text.skip(1)
            character = text.peek()
        if not character:
            raise DataError(
                f"{path}: line {text.line}: the array ends early, after {count} objects. Was the file copied whole?"
            )
        if character != "{":
            raise DataError(
                f"{path}: line {text.line}: element {count + 1} of the array starts with {character!r}; expected an "
                'object such as {"text": "…", "label": "…"}.'
            )
        yield text.take_object(path, count + 1)
        count += 1


class _Window:
    """Position in a text that is held piece by piece."""

    def __init__(self, chunks: Iterator[str]) -> None:
        self.line = 1
        self._chunks, self._buffer, self._place = chunks, "", 0

    def peek(self) -> str:
        """Return the next character that is no white space; empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._place)
            self.skip(match.end() - self._place if match else 0)
            if self._place < len(self._buffer) or not self._grow(1):
                return self._buffer[self._place : self._place + 1]

    def skip(self, characters: int) -> None:
        """Advance by a number of characters of the buffer."""
        self.line += self._buffer.count("\n", self._place, self._place + characters)
        self._place += characters

    def take_object(self, path: Path, number: int) -> dict[str, Any]:
        """Decode the object at the position and advance past it."""
        while True:
            try:
                record, end = DECODER.raw_decode(self._buffer, self._place)
            except json.JSONDecodeError as error:
                line = self.line + self._buffer.count("\n", self._place, error.pos)
                if self._cut(error):
                    if len(self._buffer) - self._place > MAX_ROW_BYTES:
                        raise too_long(path, f"line {line}: object {number}") from error
                    # It may go on in the next piece. Pieces double, so that a huge object is not parsed often.
                    if self._grow(1 + len(self._buffer) // 1_000_000):
                        continue
                raise DataError(f"{path}: line {line}: broken JSON in object {number} ({error.msg}).") from error
            except (ValueError, RecursionError) as error:  # a number of thousands of digits, or thousands of brackets
                raise DataError(
                    f"{path}: line {self.line}: object {number} cannot be read ({error}). Simplify this row."
                ) from error
            if isinstance(record, RepeatedKey):
                raise repeated_key(path, f"line {self.line}: object {number}", record).error()
            self.skip(end - self._place)
            return record

    def _cut(self, error: json.JSONDecodeError) -> bool:
        """Return True if the buffer may end too early, so that more text may repair the error."""
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._buffer) - _LONGEST_TOKEN

    def _grow(self, pieces: int) -> bool:
        """Read more text and drop the text before the position; return False at the end."""
        more = "".join(itertools.islice(self._chunks, pieces))
        self._buffer, self._place = self._buffer[self._place :] + more, 0
        return bool(more)
