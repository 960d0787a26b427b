"""`log.jsonl`: what happened, when, one JSON object a line, readable while the run goes on."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nlp_transfer.reporting.files import plain


class JsonLinesLog:
    """Appends lines to a file and flushes each, so that a killed run has logged all it did.

    A resumed run goes on in the same file. If the last line was torn, the next one begins on a line of its own.

    Args:
        path: the file; made if it is absent, its folder must exist.
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
        """Append one entry with `time` (UTC, ISO 8601) first. What is not finite becomes null.

        Raises:
            TypeError: a value that JSON cannot hold.
        """
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry}
        self._file.write(json.dumps(plain(line), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; more than once is fine."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
