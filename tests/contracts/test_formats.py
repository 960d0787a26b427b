"""Every format gives the same rows, plain and gzipped."""

from pathlib import Path

import pytest

from nlp_transfer.data.formats import FORMATS, data_stem, data_suffix
from nlp_transfer.data.source import MAX_BATCH_ROWS, FileSettings
from tests.data.formats.conftest import ROWS, TABLES, WANTED, read, write


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("suffix", TABLES)
def test_every_format_gives_the_rows(tmp_path: Path, suffix: str, ending: str) -> None:
    assert read(write(tmp_path / f"rows{suffix}{ending}", ROWS)) == ROWS


@pytest.mark.parametrize("suffix", TABLES)
def test_only_wanted_columns_are_read_but_all_are_named(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}", ROWS)
    (batch,) = FORMATS[suffix](path, frozenset(["label"]), FileSettings())
    assert batch.available == ("text", "label")
    assert list(batch.columns) == ["label"]
    (nothing,) = FORMATS[suffix](path, frozenset(), FileSettings())
    assert nothing.available == ("text", "label") and nothing.columns == {}


@pytest.mark.parametrize(
    ("suffix", "first"), [(".jsonl", 1), (".json", 1), (".csv", 2), (".tsv", 2), (".xlsx", 2), (".parquet", 1)]
)
def test_batches_know_their_rows(tmp_path: Path, suffix: str, first: int) -> None:
    rows = [{"text": f"text {row}", "label": "a"} for row in range(2 * MAX_BATCH_ROWS + 1)]
    batches = list(FORMATS[suffix](write(tmp_path / f"rows{suffix}", rows), WANTED, FileSettings()))
    assert [batch.first_row for batch in batches] == [first, first + MAX_BATCH_ROWS, first + 2 * MAX_BATCH_ROWS]


def test_suffix_and_stem_leave_gz_out() -> None:
    assert data_suffix(Path("x/Train.JSONL.gz")) == ".jsonl"
    assert data_stem(Path("x/Train.JSONL.gz")) == "train"
    assert data_stem(Path("dev.csv")) == "dev"


def test_empty_files_have_no_batches(tmp_path: Path) -> None:
    for suffix in (".jsonl", ".json", ".csv", ".tsv"):
        (tmp_path / f"rows{suffix}").write_text("\n" if suffix == ".json" else "")
        assert list(FORMATS[suffix](tmp_path / f"rows{suffix}", WANTED, FileSettings())) == []
    (tmp_path / "rows.json").write_text("[ ]")
    assert read(tmp_path / "rows.json") == []
