"""File formats by suffix. A new format is a file that yields `RowBatch`es, its test, and a line in `FORMATS`."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path

from nlp_transfer.data.formats.conll import read_conll
from nlp_transfer.data.formats.delimited import read_csv, read_tsv
from nlp_transfer.data.formats.json_document import read_json
from nlp_transfer.data.formats.json_lines import read_json_lines
from nlp_transfer.data.formats.parquet import read_parquet
from nlp_transfer.data.formats.spreadsheet import read_xlsx
from nlp_transfer.data.source import FileSettings, RowBatch

Reader = Callable[[Path, Container[str], FileSettings], Iterator[RowBatch]]
"""Reads a file, plain or gzipped: yields batches with the wanted columns, or raises DataError with the place."""

FORMATS: dict[str, Reader] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".parquet": read_parquet,
    ".xlsx": read_xlsx,
    ".conll": read_conll,
    ".bio": read_conll,
}
"""Readers by suffix; each suffix may be followed by `.gz`."""

_SPREADSHEET_SUFFIXES = (".xls", ".xlsb", ".ods", ".fods", ".numbers")

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar")
"""Suffixes of archives, which are not unpacked: their entries may have any path."""


def data_suffix(path: Path) -> str:
    """Return a file's suffix without `.gz`, in lower case.

    Example:
        >>> data_suffix(Path("train.jsonl.gz"))
        '.jsonl'
    """
    return Path(path.name[:-3] if path.name.lower().endswith(".gz") else path.name).suffix.lower()


def suffix_hint(path: Path) -> str:
    """Return advice for a spreadsheet or an archive, as a sentence after a blank; empty for other files.

    Example:
        >>> suffix_hint(Path("clauses.ods"))
        ' Save the spreadsheet as .xlsx or .csv.'
    """
    if data_suffix(path) in _SPREADSHEET_SUFFIXES:
        return " Save the spreadsheet as .xlsx or .csv."
    if path.name.lower().endswith(_ARCHIVE_SUFFIXES):
        return " Archives are not unpacked: unpack it yourself, and name the file or folder that was in it."
    return ""


def data_stem(path: Path) -> str:
    """Return a file's name without suffixes, in lower case.

    Example:
        >>> data_stem(Path("Train.jsonl.gz"))
        'train'
    """
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem.lower()
