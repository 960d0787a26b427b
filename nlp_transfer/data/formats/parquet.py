"""Read Parquet files, one batch at a time. Row N counts from 1."""

import gzip
from collections.abc import Container, Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from nlp_transfer.data.formats.opening import open_bytes
from nlp_transfer.data.formats.signatures import SIGNATURE_BYTES, check_signature
from nlp_transfer.data.source import MAX_BATCH_ROWS, FileSettings, RowBatch
from nlp_transfer.errors import DataError

_MAGIC = b"PAR1"  # first bytes of a Parquet file


def read_parquet(path: Path, wanted: Container[str], settings: FileSettings) -> Iterator[RowBatch]:
    """Read a Parquet file.

    Raises:
        DataError: unreadable (see `open_bytes`), no Parquet, a column twice, or damaged; names the first row that is
            lost.
    """
    with open_bytes(path) as file:
        start = file.read(SIGNATURE_BYTES)
        if not start.startswith(_MAGIC):
            check_signature(path, start)
        file.seek(0)
        yield from _batches(path, file, wanted)


def _batches(path: Path, file: IO[bytes], wanted: Container[str]) -> Iterator[RowBatch]:
    """Yield the batches of an open file."""
    first = 1
    try:
        parquet = pq.ParquetFile(file, page_checksum_verification=True)
        available = tuple(parquet.schema_arrow.names)
        repeated = sorted({name for name in available if available.count(name) > 1})
        if repeated:
            raise DataError(f"{path}: the schema repeats {', '.join(map(repr, repeated))}; column names are unique.")
        present = [name for name in available if name in wanted]
        if not present:  # nothing to read: say what is there all the same
            yield RowBatch(first, available, {})
            return
        for batch in parquet.iter_batches(batch_size=MAX_BATCH_ROWS, columns=present):
            yield RowBatch(first, available, dict(zip(batch.schema.names, batch.columns, strict=True)))
            first += batch.num_rows
    except gzip.BadGzipFile:
        raise  # it is an OSError too; `open_bytes` has the words for it
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last of a column's name
        place = "the file" if first == 1 else f"row {first} and what follows"
        raise DataError(
            f"{path}: {place} cannot be read as Parquet ({str(error).splitlines()[0]}). Write or fetch the file again."
        ) from error
