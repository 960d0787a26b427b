"""Rows in files of every format."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pytest

from nlp_transfer.data.formats import FORMATS, data_suffix
from nlp_transfer.data.formats.conll import read_conll
from nlp_transfer.data.source import FileSettings
from nlp_transfer.errors import DataError

TABLES = [suffix for suffix, read in FORMATS.items() if read is not read_conll]
"""Suffixes of the formats that hold any columns."""

ROWS = [
    {"text": "first, with a comma", "label": "a"},
    {"text": 'second "quoted"\nline', "label": "b"},
    {"text": "dritte ü", "label": "a"},
]


WANTED = frozenset(["text", "label"])


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    frame, plain = pd.DataFrame(rows), path.with_suffix("") if path.suffix == ".gz" else path
    match plain.suffix:
        case ".jsonl" | ".ndjson":
            plain.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        case ".json":
            plain.write_text(json.dumps(rows, indent=1, ensure_ascii=False), "utf-8")
        case ".csv":
            frame.to_csv(plain, index=False)
        case ".tsv":
            frame.to_csv(plain, index=False, sep="\t")
        case ".xlsx":
            frame.to_excel(plain, index=False)
        case ".parquet":
            frame.to_parquet(plain)
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def read(path: Path, wanted: frozenset[str] = WANTED) -> list[dict[str, str]]:
    rows = []
    for batch in FORMATS[data_suffix(path)](path, wanted, FileSettings()):
        columns = {
            name: values if isinstance(values, list) else values.to_pylist() for name, values in batch.columns.items()
        }
        rows += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows


def failure(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)
