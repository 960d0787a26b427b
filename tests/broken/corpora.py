"""Corpora that are whole, in every format and shape, to be broken.

A draft is written in steps, and a fault strikes at one of them: the rows, the bytes that a format makes of them, the
bytes after compression, or what lies on the disk.
"""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis.strategies import SearchStrategy

Drawn = TypeVar("Drawn")
Choose = Callable[[SearchStrategy[Drawn]], Drawn]
"""Draws a value: hypothesis's `data.draw`."""

LINES = (".jsonl", ".json", ".csv", ".tsv")
"""The formats that are text, as drafts write them: one row a line."""

TYPED = (".jsonl", ".json", ".parquet")
"""The formats whose values have types."""

FORMATS = (*LINES, ".parquet")
ENDINGS = ("", ".gz")
SINGLE = "all"
"""The split of a corpus that is one file."""

SIZES = {"train": 12, "dev": 6, "test": 6}
CLASSES = ("a", "b", "c")


@dataclass
class Draft:
    """A corpus that is not yet written.

    Args:
        folder: where it will lie.
        suffix: the format, such as `.csv`.
        ending: `.gz` or nothing.
        rows: by split; one split named `all` makes one file.
        columns: in the order in which delimited formats and Parquet write them; None: those of the rows.
        raw: what the files hold, by split, once the rows are written.
    """

    folder: Path
    suffix: str
    ending: str
    rows: dict[str, list[dict[str, Any]]]
    raw: dict[str, bytes] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """What the configuration names."""
        return self.file(SINGLE) if SINGLE in self.rows else self.folder

    def file(self, split: str) -> Path:
        """Where a split lies."""
        return self.folder / f"{'rows' if split == SINGLE else split}{self.suffix}{self.ending}"

    def row(self, index: int) -> str:
        """What messages call a row: a spreadsheet's row under a header, else counted from 1."""
        return f"row {index + 1 + (self.suffix in ('.csv', '.tsv'))}"

    def line(self, index: int) -> str:
        """What messages call the line of a row: the header, or the array's bracket, is line 1."""
        return f"line {index + 1 + (self.suffix != '.jsonl')}"

    def line_place(self, index: int) -> int:
        """Which of the file's lines holds a row, from 0."""
        return index + (self.suffix != ".jsonl")

    def settings(self) -> dict[str, Any]:
        """The corpus in the configuration."""
        return {"path": str(self.path), **({"split": {"method": "stratified"}} if SINGLE in self.rows else {})}


def whole_draft(folder: Path, suffix: str, ending: str, *, single: bool) -> Draft:
    """Rows without a fault; no two texts alike, every class in every split."""
    sizes = {SINGLE: 40} if single else SIZES
    rows = {
        split: [
            {"id": f"{split}-{n}", "text": f"the {split} text of number {n} ü", "label": CLASSES[n % 3]}
            for n in range(size)
        ]
        for split, size in sizes.items()
    }
    return Draft(folder, suffix, ending, rows)


def serialise(draft: Draft) -> None:
    """Fill `raw` from `rows`."""
    draft.raw = {split: content(rows, draft.suffix) for split, rows in draft.rows.items()}


def write(draft: Draft, packed: dict[str, bytes]) -> None:
    """Write what was made of the splits."""
    draft.folder.mkdir(parents=True, exist_ok=True)
    for split, data in packed.items():
        draft.file(split).write_bytes(data)


def pack(draft: Draft) -> dict[str, bytes]:
    """The files' bytes by split, compressed where the name says so."""
    return {split: gzip.compress(data, 1) if draft.ending else data for split, data in draft.raw.items()}


def content(rows: list[dict[str, Any]], suffix: str) -> bytes:
    """Rows in a format, one a line where it is text."""
    match suffix:
        case ".jsonl":
            return "".join(json.dumps(row) + "\n" for row in rows).encode()
        case ".json":
            return ("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n").encode()
        case ".parquet":
            return parquet(pa.Table.from_pylist(rows, schema=None if rows else _EMPTY))
        case _:
            delimiter = "," if suffix == ".csv" else "\t"
            names = list(dict.fromkeys(name for row in rows for name in row)) or ["id", "text", "label"]
            lines = [names, *([row.get(name, "") for name in names] for row in rows)]
            return "".join(delimiter.join(map(quoted, line)) + "\n" for line in lines).encode()


_EMPTY = pa.schema([("id", pa.string()), ("text", pa.string()), ("label", pa.string())])


def parquet(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def quoted(cell: Any) -> str:
    """A cell as spreadsheets write it."""
    text = str(cell)
    return f'"{text}"' if set(text) & set(',\t\n\r"') else text
