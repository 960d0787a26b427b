"""Faults of CSV and TSV, and of the columns that Parquet has in common with them."""

import pyarrow as pa
from hypothesis import strategies as st

from tests.broken.contents import LARGE_BYTES
from tests.broken.corpora import parquet
from tests.broken.faults import Faults, edit_line, some_row

FAULTS = Faults("raw")


@FAULTS.add(".csv", ".tsv")
def too_many_cells(draft, split, choose):
    index = some_row(draft, split, choose)
    delimiter = b"," if draft.suffix == ".csv" else b"\t"
    extra = delimiter * choose(st.integers(1, 3))
    edit_line(draft, split, index, lambda line: line.rstrip() + extra + b"\n")
    return (draft.row(index), draft.line(index), "cells, but the header has 3")


@FAULTS.add(".csv", ".tsv")
def too_few_cells(draft, split, choose):
    index = some_row(draft, split, choose)
    delimiter = b"," if draft.suffix == ".csv" else b"\t"
    edit_line(draft, split, index, lambda line: line.rsplit(delimiter, 1)[0] + b"\n")
    return (draft.row(index), draft.line(index), "2 cells, but the header has 3")


@FAULTS.add(".csv", ".tsv")
def unclosed_quote(draft, split, choose):
    index = some_row(draft, split, choose)
    edit_line(draft, split, index, lambda line: line.replace(b"the ", b'"the ', 1))
    return (draft.row(index), "Close every double quote")


@FAULTS.add(".csv", ".tsv", max_bytes=400 << 20)
def unclosed_quote_early_in_a_large_file(draft, split, choose):
    edit_line(draft, split, 0, lambda line: line.replace(b"the ", b'"the ', 1))
    filler = b"x" * 1023 + b"\n"
    draft.raw[split] += filler * (LARGE_BYTES // len(filler))
    return (draft.row(0), "Close every double quote")


@FAULTS.add(".csv", ".tsv")
def repeated_column(draft, split, choose):
    name = choose(st.sampled_from([b"text", b"label"]))
    draft.raw[split] = draft.raw[split].replace(b"id", name, 1)
    return ("row 1", f"repeats '{name.decode()}'")


@FAULTS.add(".parquet")
def repeated_parquet_column(draft, split, choose):
    name = choose(st.sampled_from(["text", "label"]))
    table = pa.Table.from_pylist(draft.rows[split])
    draft.raw[split] = parquet(table.rename_columns([name, "text", "label"]))
    return (f"repeats '{name}'",)


@FAULTS.add(".csv", ".tsv")
def header_alone(draft, split, choose):
    draft.raw[split] = draft.raw[split].splitlines(keepends=True)[0]
    return ("there are no rows",)


@FAULTS.add(".csv", ".tsv")
def no_header(draft, split, choose):
    draft.raw[split] = b"".join(draft.raw[split].splitlines(keepends=True)[1:])
    return ("there is no column 'text'",)
