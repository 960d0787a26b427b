"""Files of predictions: JSON Lines, CSV and Parquet by the suffix, with the cells of any row."""

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_transfer.commands.prediction_files import check_suffix, column_types, open_writer
from nlp_transfer.data.source import RawSplit, batches
from nlp_transfer.errors import ConfigError

COLUMNS = {
    "id": pa.string(),
    "page": pa.int64(),
    "predicted": pa.list_(pa.string()),
    "probabilities.a.b": pa.float64(),
    "probabilities.c": pa.float64(),
    "problem": pa.string(),
}
ROWS: list[dict[str, Any]] = [
    {"id": "x", "page": 3, "predicted": ["a.b", "c"], "probabilities": {"a.b": 0.75, "c": 0.5}},
    {"id": 7, "page": 4, "predicted": None, "probabilities": None, "problem": 'text is "empty", '},
    {"id": "z\ud83d", "predicted": [], "probabilities": {"c": 0.25}},
]


def write(path: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    with open_writer(str(path), COLUMNS) as add:
        for row in rows:
            add(row)
    return path


def test_json_lines_hold_the_rows_as_they_are(tmp_path: Path) -> None:
    content = gzip.decompress(write(tmp_path / "a.jsonl.gz").read_bytes())
    assert [json.loads(line) for line in content.splitlines()] == ROWS


def test_csv_has_a_column_for_each_value(tmp_path: Path) -> None:
    assert write(tmp_path / "a.csv").read_text() == (
        "id,page,predicted,probabilities.a.b,probabilities.c,problem\n"
        'x,3,"[""a.b"", ""c""]",0.75,0.5,\n'
        '7,4,,,,"text is ""empty"", "\n'
        "z\\ud83d,,[],,0.25,\n"
    )
    assert list(pd.read_csv(write(tmp_path / "a.csv.gz"))["id"]) == ["x", "7", "z\\ud83d"]
    assert write(tmp_path / "none.csv", []).read_text().count("\n") == 1


def test_parquet_has_types(tmp_path: Path) -> None:
    table = pq.read_table(write(tmp_path / "a.parquet", ROWS * 1000))
    assert table.schema == pa.schema(COLUMNS.items())
    assert table.num_rows == 3000
    assert table.slice(0, 3).to_pylist() == [
        {
            "id": "x",
            "page": 3,
            "predicted": ["a.b", "c"],
            "probabilities.a.b": 0.75,
            "probabilities.c": 0.5,
            "problem": None,
        },
        dict.fromkeys(COLUMNS) | {"id": "7", "page": 4, "problem": 'text is "empty", '},
        dict.fromkeys(COLUMNS) | {"id": "z\\ud83d", "predicted": [], "probabilities.c": 0.25},
    ]
    assert pq.read_table(write(tmp_path / "none.parquet", [])).num_rows == 0


def test_values_that_json_lacks_become_text(tmp_path: Path) -> None:
    row = {"id": 1, "day": date(2024, 1, 2), "costs": [Decimal("1.50")], "raw": b"x"}
    columns = {"id": pa.int64(), "day": pa.string(), "costs": pa.string(), "raw": pa.binary()}
    for name in ("a.jsonl", "a.csv", "a.parquet"):
        with open_writer(str(tmp_path / name), columns) as add:
            add(row)
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {
        "id": 1,
        "day": "2024-01-02",
        "costs": ["1.50"],
        "raw": "b'x'",
    }
    assert (tmp_path / "a.csv").read_text() == 'id,day,costs,raw\n1,2024-01-02,"[""1.50""]",b\'x\'\n'
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [row | {"day": "2024-01-02", "costs": '["1.50"]'}]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl"])
def test_a_file_that_is_not_finished_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="cut"), open_writer(str(tmp_path / name), COLUMNS) as add:
        add(ROWS[0])
        raise RuntimeError("cut")
    assert list(tmp_path.iterdir()) == []


def test_other_suffixes_are_refused() -> None:
    for name in ("a", "a.jsonl", "a.CSV", "a.parquet", "a.csv.gz"):
        check_suffix(name)
    with pytest.raises(ConfigError) as caught:
        check_suffix("a.xlsx")
    assert str(caught.value) == (
        "--output a.xlsx: no format is known by the suffix '.xlsx'; expected .jsonl, .csv, .parquet."
    )


def test_types_of_columns_are_those_of_all_rows() -> None:
    rows = [
        {"a": 1, "b": 1, "c": None, "d": [1]},
        {"a": None, "b": 0.5, "c": None, "d": ["x"]},
        {"a": 2, "e": {"k": 1}},
    ]
    records = [(place, row) for place, row in zip((1, 3, 5), rows, strict=True)]  # a batch each
    split = RawSplit("a.jsonl", lambda wanted: batches(records, wanted))
    assert column_types(split, "abcde") == {
        "a": pa.int64(),
        "b": pa.float64(),
        "c": pa.string(),
        "d": pa.string(),
        "e": pa.struct({"k": pa.int64()}),
    }
