"""Arrow files on disk: rows that were read or tokenized once are memory-mapped the next time.

Files are keyed by content and settings, written to a temporary file that is then renamed, and rebuilt where they are
damaged. They hold texts in clear, so that only their owner can read them.
"""

import contextlib
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from datasets import Dataset

from nlp_transfer.errors import DataError
from nlp_transfer.files import CACHE_VARIABLE, cache_dir, delete_unlocked, make_private_folder, open_locked

ABANDONED_SECONDS = 86400.0
"""Age from which a temporary file of the datasets library, which takes no locks, counts as abandoned."""


def cache_path(room: str, key: str) -> Path:
    """Return the path of the Arrow file of `key` in a sub-folder of the cache, and make it; raise `DataError`."""
    folder = cache_dir() / room
    try:
        writable = os.access(make_private_folder(folder), os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise DataError(f"The cache folder {folder} cannot be written. Set {CACHE_VARIABLE} to another folder.")
    return folder / f"{key}.arrow"


def load_table(path: Path) -> Dataset | None:
    """Memory-map the Arrow file at `path`; return None if it is missing or damaged, and delete a damaged one."""
    note = path.with_suffix(".json")
    try:
        rows = json.loads(note.read_text("utf-8"))["rows"]
        dataset = Dataset.from_file(str(path))
        if len(dataset) == rows:
            return dataset
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):  # pa.ArrowInvalid is a ValueError
        pass
    for damaged in (path, note):
        with contextlib.suppress(OSError):  # a file that stays is overwritten later
            damaged.unlink()
    return None


def store_table(path: Path, tables: Callable[[], Iterator[pa.Table]], facts: Counter[str] | None = None) -> Dataset:
    """Return the dataset at `path`, after writing it from tables of one schema where it is missing.

    Args:
        facts: counts that `tables` makes; they are kept with the dataset, and are read from there later.
    """
    known, facts = load_table(path), Counter() if facts is None else facts
    if known is not None:
        facts.update(json.loads(path.with_suffix(".json").read_text("utf-8")).get("facts", {}))
        return known
    clear_abandoned(path.parent)
    temporary = path.with_name(f"{path.stem[:16]}-{uuid.uuid4().hex}.tmp")
    with write_errors(path):
        try:
            rows = 0
            with open_locked(temporary, 0o600) as file:
                writer: pa.RecordBatchStreamWriter | None = None
                for table in tables():
                    writer = writer or pa.ipc.new_stream(file, table.schema)
                    writer.write_table(table)
                    rows += table.num_rows
                if writer is not None:
                    writer.close()
                file.flush()
                os.fsync(file.fileno())
            # The count goes first: a table without it would be rebuilt, and a count without its table is ignored.
            write_row_count(path, rows, facts)
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return Dataset.from_file(str(path))


def write_row_count(path: Path, rows: int, facts: Mapping[str, int] | None = None) -> None:
    """Write the number of rows of the Arrow file at `path` next to it, for `load_table`, and other counts."""
    note = path.with_suffix(".json")
    note.touch(mode=0o600)
    note.write_text(json.dumps({"rows": rows, **({"facts": facts} if facts else {})}), "utf-8")


def clear_abandoned(folder: Path) -> None:
    """Delete temporary files of killed processes: ours at once, the datasets library's after a day."""
    for rest in folder.glob("*-*.tmp"):
        delete_unlocked(rest)
    for rest in folder.glob("tmp????????"):
        with contextlib.suppress(OSError):
            if time.time() - rest.stat().st_mtime > ABANDONED_SECONDS:
                rest.unlink()


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of writing the cache file `path` into a `DataError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DataError(
            f"The cache cannot be written in {path.parent}: {reason}. Free some space, or set {CACHE_VARIABLE}."
        ) from error
