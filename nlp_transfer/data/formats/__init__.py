"""File formats by suffix. A new one is a file that yields `RowBatch`es, its test, and its line in `FORMATS`."""

from collections.abc import Callable, Iterator
from pathlib import Path

from nlp_transfer.data.formats.delimited import read_csv, read_tsv
from nlp_transfer.data.formats.json_document import read_json
from nlp_transfer.data.formats.json_lines import read_json_lines
from nlp_transfer.data.formats.parquet import read_parquet
from nlp_transfer.data.source import RowBatch

Reader = Callable[[Path, frozenset[str]], Iterator[RowBatch]]
"""Reads a file, plain or gzipped: yields batches with the wanted columns, or raises DataError with the place."""

FORMATS: dict[str, Reader] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": read_parquet,
}
"""Readers by suffix; each may have `.gz` after it."""

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar")
"""Several files in one, whose names may lead anywhere."""


def data_suffix(path: Path) -> str:
    """The suffix without `.gz`, in lower case: `.jsonl` of `train.jsonl.gz`."""
    return Path(path.name[:-3] if path.name.lower().endswith(".gz") else path.name).suffix.lower()


def archive_hint(path: Path) -> str:
    """What to do with an archive, as a sentence with a blank before it; nothing for another file."""
    if path.name.lower().endswith(ARCHIVE_SUFFIXES):
        return " Archives are not unpacked: unpack it yourself, and name the file or folder that was in it."
    return ""


def data_stem(path: Path) -> str:
    """The name without suffixes, in lower case: `train` of `train.jsonl.gz`."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem.lower()
