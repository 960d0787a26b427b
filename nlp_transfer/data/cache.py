"""Arrow files on disk: what was read or tokenised once is memory-mapped the next time.

Files are keyed by content and settings, written beside their place and moved into it, so that a reader never meets half
a file, and rebuilt where they are damaged. `$NLP_TRANSFER_CACHE` says where they lie; they may be deleted at any time.
They hold the texts in clear (`corpora`) and as tokens, so only their owner may read them.
"""

import contextlib
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from datasets import Dataset

from nlp_transfer.errors import DataError
from nlp_transfer.files import CACHE_VARIABLE, cache_dir, delete_unlocked, make_private_folder, open_locked

ABANDONED_SECONDS = 86400.0
"""After how long without a change a temporary file of the datasets library, which locks none, is taken for a rest."""


def cache_path(room: str, key: str) -> Path:
    """Where the Arrow file of `key` lies; its folder is made.

    Raises:
        DataError: the folder cannot be made or written.
    """
    try:
        folder = make_private_folder(cache_dir() / room)
        write_errors = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        folder, write_errors = cache_dir() / room, False
    if not write_errors:
        raise DataError(
            f"The cache folder {folder} cannot be written. Set {CACHE_VARIABLE} to a folder that can, "
            "with room for a copy of the texts."
        )
    return folder / f"{key}.arrow"


def load_table(path: Path, rows: int | None = None) -> Dataset | None:
    """Memory-map the Arrow file at `path`; None where there is none, or a damaged one, which is then removed.

    Args:
        path: an Arrow stream.
        rows: how many rows it must have; None where a note beside it (`store_table`) says so.
    """
    note = path.with_suffix(".json")
    try:
        if rows is None:
            rows = json.loads(note.read_text("utf-8"))["rows"]
        dataset = Dataset.from_file(str(path))
        if len(dataset) == rows:
            return dataset
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):  # pa.ArrowInvalid is a ValueError
        pass
    for damaged in (path, note):
        with contextlib.suppress(OSError):  # what stays is overwritten, or says then why it cannot be
            damaged.unlink()
    return None


def store_table(path: Path, tables: Callable[[], Iterator[pa.Table]]) -> Dataset:
    """The dataset at `path`, made from `tables` where it is not there; memory use is that of one of the tables.

    Args:
        path: from `cache_path`.
        tables: yields one table or more of the same schema; what it raises leaves nothing behind.

    Raises:
        DataError: the cache's disk is full, or cannot be written or read.
    """
    known = load_table(path)
    if known is not None:
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
            # The note goes first: a table without its note would be rebuilt, a note without its table is not looked at.
            note = path.with_suffix(".json")
            note.touch(mode=0o600)
            note.write_text(json.dumps({"rows": rows}), "utf-8")
            temporary.replace(path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return Dataset.from_file(str(path))


def clear_abandoned(folder: Path) -> None:
    """Delete temporary files of killed processes: our own at once, those of the datasets library after a day."""
    for rest in folder.glob("*-*.tmp"):
        delete_unlocked(rest)
    for rest in folder.glob("tmp????????"):
        with contextlib.suppress(OSError):
            if time.time() - rest.stat().st_mtime > ABANDONED_SECONDS:
                rest.unlink()


@contextlib.contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Write the file `path` of the cache inside.

    Raises:
        DataError: the system refused, as a full disk does; names the folder and the reason.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"The cache cannot be written in {path.parent}: {error.strerror or error}. "
            "Free some space, or set NLP_TRANSFER_CACHE to another folder."
        ) from error
