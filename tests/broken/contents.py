"""Faults of whole files: encodings, sizes, and formats that are not what the name says."""

import pyarrow as pa
from hypothesis import strategies as st

from tests.broken.corpora import FORMATS, LINES, content, parquet
from tests.broken.faults import Faults, edit_line, some_row

FAULTS = Faults("raw")

LARGE_BYTES = 33 << 20
"""More than a line, cell or object may have."""


BAD_BYTES = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x80"]
"""Half a character, a surrogate, and bytes that UTF-8 never has."""


@FAULTS.add(*LINES)
def not_utf8(draft, split, choose):
    bad = choose(st.sampled_from(BAD_BYTES))
    place = edit_line(draft, split, some_row(draft, split, choose), lambda line: line.replace(b"text", b"te" + bad, 1))
    return (place, f"byte 0x{bad[0]:02x} at offset", "is not UTF-8")


@FAULTS.add(*LINES)
def not_utf8_late_in_a_large_file(draft, split, choose):
    rows = [{"id": f"large-{n}", "text": f"large text {n} " + "x" * 4000, "label": "a"} for n in range(400)]
    draft.rows[split] = draft.rows[split] + rows
    draft.raw[split] = content(draft.rows[split], draft.suffix)
    index = len(draft.rows[split]) - choose(st.integers(1, 50))
    place = edit_line(draft, split, index, lambda line: line.replace(b"text", b"te\xfft", 1))
    return (place, "is not UTF-8")


@FAULTS.add(*LINES)
def utf16_cut_off(draft, split, choose):
    draft.raw[split] = draft.raw[split].decode().encode("utf-16")[:-1]
    return ("is not utf-16",)


@FAULTS.add(".jsonl", ".json")
def raw_nul_byte(draft, split, choose):
    place = edit_line(draft, split, some_row(draft, split, choose), lambda line: line.replace(b"text", b"te\0t", 1))
    return (place, "broken JSON")


@FAULTS.add(".parquet")
def parquet_strings_that_are_not_utf8(draft, split, choose):
    table = pa.Table.from_pylist(draft.rows[split])
    ours = [name for name in ("label", "text", "id") if name in table.column_names]
    column = choose(st.sampled_from([name for name in ours if pa.types.is_string(table.schema.field(name).type)]))
    index = some_row(draft, split, choose)
    values = [None if value is None else value.encode() for value in table.column(column).to_pylist()]
    values[index] = b"caf\xe9"
    spoilt = pa.array(values, pa.binary()).view(pa.string())
    draft.raw[split] = parquet(table.set_column(table.schema.get_field_index(column), column, spoilt))
    return (draft.row(index), f"{column} is not UTF-8")


@FAULTS.add(".parquet")
def parquet_column_name_that_is_not_utf8(draft, split, choose):
    draft.raw[split] = draft.raw[split].replace(b"label", b"lab\xe9l")
    return ("cannot be read as Parquet",)


@FAULTS.add(*LINES, max_bytes=160 << 20)
def huge_single_line(draft, split, choose):
    huge = b'{"id": "x", "label": "a", "text": "' if draft.suffix in (".jsonl", ".json") else b""
    start = b"[\n" if draft.suffix == ".json" else b""
    header = b"text,label\n" if draft.suffix == ".csv" else b"text\tlabel\n" if draft.suffix == ".tsv" else b""
    draft.raw[split] = header + start + huge + b"x" * LARGE_BYTES
    return (f"line {1 if draft.suffix == '.jsonl' else 2}", "longer than")


@FAULTS.add(*FORMATS)
def empty_file(draft, split, choose):
    draft.raw[split] = b""
    return ("cannot be read as Parquet",) if draft.suffix == ".parquet" else ("there are no rows",)


@FAULTS.add(*LINES)
def blank_lines_alone(draft, split, choose):
    draft.raw[split] = choose(st.sampled_from([b"\n", b"\r\n\r\n", b"\n" * 1000]))
    return ("there are no rows",)


@FAULTS.add(*FORMATS)
def not_the_format_of_its_name(draft, split, choose):
    others = {".jsonl": (".json", ".csv", ".parquet"), ".json": (".csv", ".parquet"), ".parquet": LINES}
    other = choose(st.sampled_from(others.get(draft.suffix, (".jsonl", ".json", ".parquet"))))
    draft.raw[split] = content(draft.rows[split], other)
    return ()


@FAULTS.add(".parquet")
def truncated_parquet(draft, split, choose):
    draft.raw[split] = draft.raw[split][: -choose(st.integers(1, len(draft.raw[split]) - 1))]
    return ("cannot be read as Parquet",)
