"""Parquet: damage and repeated columns."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.data.formats.conftest import ROWS, failure, read, write


def test_parquet_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"no parquet at all")
    message = failure(path)
    assert message.startswith(f"{path}: the file cannot be read as Parquet (Parquet magic bytes not found in footer.")
    assert message.endswith("Write or fetch the file again.")


def test_parquet_checksums_are_verified(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"text": [f"text number {row}" for row in range(100)]})
    pq.write_table(table, path, write_page_checksum=True, compression="none", use_dictionary=False)
    content = path.read_bytes()
    assert content.count(b"text number 57") == 1
    path.write_bytes(content.replace(b"text number 57", b"text number 58"))  # a bit of a page flipped
    assert failure(path).startswith(f"{path}: the file cannot be read as Parquet (")
    pq.write_table(table, path, compression="none", use_dictionary=False)  # none are there: none are missed
    assert len(read(path)) == 100


def test_a_repeated_parquet_column_would_lose_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), path)
    assert failure(path) == f"{path}: the schema repeats 'text'; column names are unique."


def test_gzip_faults_of_parquet_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet.gz"
    write(tmp_path / "rows.parquet", ROWS).rename(path)
    assert failure(path) == f"{path} is a Parquet file. The name of one ends in .parquet: rename it."
