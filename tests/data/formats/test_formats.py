"""Every format gives the same rows, plain and gzipped, and names the place of what it cannot read."""

import gzip
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_transfer.data.formats import FORMATS, data_stem, data_suffix, opening
from nlp_transfer.data.source import MAX_BATCH_ROWS
from nlp_transfer.errors import DataError

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
        case ".parquet":
            frame.to_parquet(plain)
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def read(path: Path, wanted: frozenset[str] = WANTED) -> list[dict[str, str]]:
    rows = []
    for batch in FORMATS[data_suffix(path)](path, wanted):
        columns = {
            name: values if isinstance(values, list) else values.to_pylist() for name, values in batch.columns.items()
        }
        rows += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_rows(tmp_path: Path, suffix: str, ending: str) -> None:
    assert read(write(tmp_path / f"rows{suffix}{ending}", ROWS)) == ROWS


@pytest.mark.parametrize("suffix", FORMATS)
def test_only_wanted_columns_are_read_but_all_are_named(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}", ROWS)
    (batch,) = FORMATS[suffix](path, frozenset(["label"]))
    assert batch.available == ("text", "label")
    assert list(batch.columns) == ["label"]
    (nothing,) = FORMATS[suffix](path, frozenset())
    assert nothing.available == ("text", "label") and nothing.columns == {}


@pytest.mark.parametrize(("suffix", "first"), [(".jsonl", 1), (".json", 1), (".csv", 2), (".tsv", 2), (".parquet", 1)])
def test_batches_know_their_rows(tmp_path: Path, suffix: str, first: int) -> None:
    rows = [{"text": f"text {row}", "label": "a"} for row in range(2 * MAX_BATCH_ROWS + 1)]
    batches = list(FORMATS[suffix](write(tmp_path / f"rows{suffix}", rows), WANTED))
    assert [batch.first_row for batch in batches] == [first, first + MAX_BATCH_ROWS, first + 2 * MAX_BATCH_ROWS]


def test_suffix_and_stem_leave_gz_out() -> None:
    assert data_suffix(Path("x/Train.JSONL.gz")) == ".jsonl"
    assert data_stem(Path("x/Train.JSONL.gz")) == "train"
    assert data_stem(Path("dev.csv")) == "dev"


def failure(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read(path)
    return str(caught.value)


def test_blank_lines_of_json_lines_hold_no_row_but_count_as_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n\n{"text": "b"}\n\n')
    assert [batch.first_row for batch in FORMATS[".jsonl"](path, WANTED)] == [1, 3]


def test_broken_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": b}\n')
    assert (
        failure(path)
        == f"{path}: line 2: broken JSON at character 10 (Expecting value). Expected one JSON object a line."
    )


def test_truncated_json_lines_say_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": "and so')
    message = failure(path)
    assert message.startswith(f"{path}: line 2: broken JSON at character 10 (Unterminated string")
    assert message.endswith("The line looks cut off: was the file copied whole?")


@pytest.mark.parametrize(("line", "kind"), [("[1]", "array"), ('"a"', "string"), ("3", "number"), ("null", "null")])
def test_a_line_that_is_no_object(tmp_path: Path, line: str, kind: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    assert f"{path}: line 1: found a JSON {kind}; expected an object such as" in failure(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv"])
def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n')
    assert failure(path) == (
        f"{path}: line 2: byte 0xe9 at offset 27 is not UTF-8. "
        "Convert the file, for instance with `iconv -f latin1 -t utf-8`."
    )


def test_json_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"text": "a"},\n{"text": "caf\xe9"}]')
    assert f"{path}: line 2: byte 0xe9 at offset 29 is not UTF-8." in failure(path)
    path.write_bytes(b'[{"text": "a\xc3')  # ends within a character
    assert f"{path}: line 1: byte 0xc3 at offset 12 is not UTF-8." in failure(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_truncated_gzip(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"rows{suffix}.gz", ROWS * 50)
    path.write_bytes(path.read_bytes()[:-12])
    assert failure(path).startswith(f"{path}: the gzip file ends early, so its last rows are lost.")


def test_gzip_that_is_none_and_gzip_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_text('{"text": "a"}\n')
    assert failure(path).startswith(f"{path}: not a whole gzip file (Not a gzipped file (b'{{\"')).")
    write(path, ROWS)
    content = bytearray(path.read_bytes())
    content[-6] ^= 255  # the checksum
    path.write_bytes(content)
    assert failure(path).startswith(f"{path}: not a whole gzip file (CRC check failed")


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": '{"text": "x"}', "a.csv": "text\nx", "a.json": '[{"text": "x"}]'}.items():
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + content.encode())
        assert read(tmp_path / name) == [{"text": "x"}]


def test_json_array_errors_name_line_and_object(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    for content, message in {
        '[{"text": "a"},\n{"text": b}]': "line 2: broken JSON in object 2 (Expecting value).",
        '[{"text": "a"},\n': "line 2: the array ends early, after 1 objects. Was the file copied whole?",
        '[{"text": "a"}': "line 1: the array ends early, after 1 objects. Was the file copied whole?",
        '[{"text": "a"}\n{"text": "b"}]': "line 2: expected ',' or ']' after object 1, found '{'.",
        '["a", "b"]': "line 1: element 1 of the array starts with '\"'; expected an object",
        '[{"text": "a"}]\n[{"text": "b"}]': "line 2: text follows the end of the array; it would be lost.",
        '{\n "text": "a"\n}': "holds one JSON object over many lines; expected an array of objects",
    }.items():
        path.write_text(content)
        assert message in failure(path)


def test_json_lines_may_be_named_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert read(path) == [{"text": "a"}, {"text": "b"}]


def test_json_objects_larger_than_a_piece_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    rows = [{"text": "x" * 3_000_000}, {"text": "y"}, {"text": "ü" * 1_500_000}]
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    assert read(path) == rows


def test_empty_files_have_no_batches(tmp_path: Path) -> None:
    for suffix in (".jsonl", ".json", ".csv", ".tsv"):
        (tmp_path / f"rows{suffix}").write_text("\n" if suffix == ".json" else "")
        assert list(FORMATS[suffix](tmp_path / f"rows{suffix}", WANTED)) == []
    (tmp_path / "rows.json").write_text("[ ]")
    assert read(tmp_path / "rows.json") == []


def test_csv_words_stay_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nNA,null\n007,1\n")
    assert read(path) == [{"text": "NA", "label": "null"}, {"text": "007", "label": "1"}]


def test_csv_cells_may_be_long(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "x" * 200_000 + ",a\n")
    assert len(read(path)[0]["text"]) == 200_000


def test_csv_errors(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for content, message in {
        "text,label\nx,a\ny\n": "row 3 (line 3): 1 cells, but the header has 2 (text, label). Put cells that hold commas",
        'text,label\n"x,a\ny,b\n': "row 2 (up to line 3): bad comma-separated text (unexpected end of data). Close every",
        "text,text\nx,a\n": "the header (row 1) repeats 'text'; column names are unique.",
        "text;label\nx;a\n": "the header (row 1) is 'text;label': its cells seem to be separated by semicolons, not commas.",
    }.items():
        path.write_text(content)
        assert message in failure(path)


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


def test_json_that_python_cannot_hold(tmp_path: Path) -> None:
    for name, content in {"a.jsonl": "{}", "a.json": "[{}]"}.items():
        path = tmp_path / name
        for value in ("1" * 5000, "[" * 200_000 + "]" * 200_000):
            path.write_text(content.replace("{}", '{"text": ' + value + "}"))
            assert failure(path).startswith(f"{path}: line 1: ") and "Simplify this row." in failure(path)


@pytest.mark.parametrize(
    ("suffix", "content", "place"),
    [
        (".jsonl", '{"text": "a"}\n{"text": "b", "id": 1, "text": "c"}\n', "line 2"),
        (".json", '[{"text": "a"},\n{"text": "b", "id": 1, "text": "c"}]', "line 2: object 2"),
    ],
)
def test_a_repeated_key_would_lose_a_value(tmp_path: Path, suffix: str, content: str, place: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_text(content)
    assert failure(path) == (
        f"{path}: {place}: repeats the key 'text'; one of its values would be lost. Take one away."
    )
    path.write_text('{"text": "a", "extra": {"x": 1, "x": 2}}')  # no column: nothing that is read
    assert read(path) == [{"text": "a"}]


def test_a_repeated_parquet_column_would_lose_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), path)
    assert failure(path) == f"{path}: the schema repeats 'text'; column names are unique."


def test_gzip_faults_of_parquet_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet.gz"
    write(tmp_path / "rows.parquet", ROWS).rename(path)
    assert failure(path) == f"{path} is a Parquet file. The name of one ends in .parquet: rename it."


def test_json_faults_late_in_a_file_keep_their_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[\n{"text": "a"},\n{"text": "b"},\n{"text": c}\n]')
    assert "line 4: broken JSON in object 3 (Expecting value)." in failure(path)
    path.write_text('[\n{"text": "a"},\n{"text": "b"},\n{"text": "c')
    assert "line 4: broken JSON in object 3 (Unterminated string starting at)." in failure(path)


@pytest.mark.parametrize("place", [b"4", b"true", b'"\\ud83d\\ude00"', b'"ab"', b"-1.5e-7", b"NaN"])
def test_json_objects_may_be_cut_anywhere_by_the_pieces_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: bytes
) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"text": ' + place + b', "label": "a"}, {"text": "b"}]')
    for size in range(1, 20):
        monkeypatch.setattr(opening, "CHUNK_BYTES", size)
        assert len(read(path)) == 2


def test_a_row_may_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_ROW_BYTES", 1 << 20)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": "' + "x" * (1 << 20) + '"}\n')
    assert failure(path) == (
        f"{path}: line 2 is longer than 1 MiB, which is no row. Does the file lack line ends, or a closing quote? "
        "Cut a text that is so long into parts."
    )
