"""Write `log.jsonl`, one JSON object a line, readable while the run goes on."""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import atomic_file, to_json_value


@contextlib.contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Log only the package's messages of a level and above: no progress."""
    logger = logging.getLogger("nlp_transfer")
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


class JsonLinesLog:
    """Append lines to a file and flush each, so that a killed run has logged all it did.

    A resumed run goes on in the same file. If the last line was torn, the next one begins on a line of its own.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = self.path.open("a+b")
        size = self._file.seek(0, os.SEEK_END)
        if size:
            self._file.seek(size - 1)
            if self._file.read(1) != b"\n":
                self._file.write(b"\n")

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one entry with `time` (UTC, ISO 8601) first. What is not finite becomes null."""
        try:
            self._file.write(_line(entry))
            self._file.flush()
        except OSError as error:
            raise CheckpointError(
                f"{self.path} cannot be written ({error.strerror or error}). Checkpoints are whole: make room, then "
                "resume (--resume)."
            ) from error

    def restart(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Let the file hold these entries and no more, as a resumed run had logged them at its checkpoint.

        Their lines stay as they are; one that a crash has torn or lost is written anew.
        """
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        with atomic_file(self.path) as file:
            for number, entry in enumerate(entries):
                line = lines[number] if number < len(lines) else b""
                file.write(line if _is_of(line, entry) else _line(entry))
        self._file.close()
        self._file = self.path.open("a+b")

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self._file.close()


def _line(entry: Mapping[str, Any]) -> bytes:
    stamped = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry}
    return json.dumps(to_json_value(stamped), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _is_of(line: bytes, entry: Mapping[str, Any]) -> bool:
    """Return whether a line was written for an entry: all but its time is the same."""
    try:
        logged = json.loads(line)
    except ValueError:
        return False
    return bool(line.endswith(b"\n") and isinstance(logged, dict) and {**logged, **to_json_value(entry)} == logged)
