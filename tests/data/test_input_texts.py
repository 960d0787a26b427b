"""Texts to predict: every format, standard input, ids, and every bad row named with its place."""

import gzip
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.errors import DataError
from tests.data.conftest import ADVICE


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Give standard input some bytes."""

    def give(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def refusal(*arguments: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        list(InputReader(*map(str, arguments), **options))
    return str(caught.value)


def write(path: Path, content: str | bytes) -> Path:
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


# ---- files ----


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"text": "one, 1"}\n\n{"text": "zwei ü"}'),
        ("a.ndjson", '{"text": "one, 1"}\n{"text": "zwei ü"}\n'),
        ("a.json", '[{"text": "one, 1"}, {"text": "zwei ü"}]'),
        ("a.csv", 'text,other\n"one, 1",x\nzwei ü,y\n'),
        ("a.tsv", "other\ttext\nx\tone, 1\ny\tzwei ü\n"),
        ("a.txt", "one, 1\r\nzwei ü"),
    ],
)
def test_every_format_gives_numbers_and_texts(tmp_path: Path, name: str, content: str, ending: str) -> None:
    path = write(tmp_path / (name + ending), content)
    assert list(InputReader(str(path))) == [(0, "one, 1"), (1, "zwei ü")]


def test_parquet(tmp_path: Path) -> None:
    pd.DataFrame({"clause": ["a", "b"], "id": [7, 8]}).to_parquet(tmp_path / "a.parquet")
    assert list(InputReader(str(tmp_path / "a.parquet"), text_column="clause")) == [(7, "a"), (8, "b")]


def test_ids_are_as_given_else_numbers(tmp_path: Path) -> None:
    rows = [{"id": "x", "text": "a"}, {"id": 5, "text": "b"}, {"text": "c"}, {"id": None, "text": "d"}]
    path = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert [row_id for row_id, _ in InputReader(str(path))] == ["x", 5, 2, 3]


def test_a_format_that_is_named_goes_before_the_suffix(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", '{"text": "a"}\n')
    assert list(InputReader(str(path), file_format="text")) == [(0, '{"text": "a"}')]
    assert list(InputReader(str(path), file_format="jsonl")) == [(0, "a")]
    assert list(InputReader(str(write(tmp_path / "b.gz", "a\n")), file_format="text")) == [(0, "a")]


def test_no_rows_are_no_texts(tmp_path: Path) -> None:
    for name, content in (("a.jsonl", ""), ("a.csv", "text\n"), ("a.txt", "")):
        assert list(InputReader(str(write(tmp_path / name, content)))) == []


# ---- standard input ----


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b'\n  {"text": "a"}\n{"text": "b"}\n', [(0, "a"), (1, "b")]),
        (b'\xef\xbb\xbf{"text": "a"}\n', [(0, "a")]),
        (b"plain {a}\nb", [(0, "plain {a}"), (1, "b")]),
        (b"", []),
        (b"\n\n", None),
    ],
)
def test_standard_input_is_json_lines_or_text_by_its_first_line(
    pipe: Callable[[bytes], None], content: bytes, rows: list[tuple[int, str]] | None
) -> None:
    pipe(content)
    if rows is None:  # lines without a text, in plain text
        assert refusal().startswith(
            "standard input: lines 1 and 2 (ids 0 and 1): text is empty or has no visible character."
        )
    else:
        assert list(InputReader()) == rows


def test_standard_input_in_a_named_format(pipe: Callable[[bytes], None]) -> None:
    pipe(b"id\tbody\nr1\ta b\n")
    assert list(InputReader("-", text_column="body", file_format="tsv")) == [("r1", "a b")]
    pipe(b'{"text": "a"}\n')
    assert list(InputReader("-", file_format="text")) == [(0, '{"text": "a"}')]


def test_standard_input_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        buffer = (b'{"text": "again"}\n' for _ in itertools.count())

    monkeypatch.setattr("sys.stdin", Endless())
    assert len(list(itertools.islice(InputReader(), 5000))) == 5000


def test_faults_of_standard_input_name_it(pipe: Callable[[bytes], None]) -> None:
    pipe(b'{"text": "a"}\n{"text": \n')
    assert refusal().startswith("standard input: line 2: broken JSON at character ")
    pipe(b"a\nb\xff\n")
    assert refusal().startswith("standard input: line 2: byte 0xff at offset 3 is not UTF-8.")


# ---- faults ----


def test_bad_texts_name_their_places_and_ids(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", '{"text": "a"}\n\n{"text": " "}\n{"text": 7, "id": "x"}\n{"text": null}\n{"id": 1}\n'
    )
    message = refusal(path)
    assert f"{path}: line 3 (id 1): text is empty or has no visible character. Every row needs a text: mend" in message
    assert f"{path}: line 4 (id 'x'): text is a number, not a string." in message
    assert f"{path}: lines 5 and 6 (ids 3 and 1): text is missing (null)." in message
    path = write(tmp_path / "b.jsonl", '{"text": "a"}\n{"text": ""}\n' * 12)
    assert refusal(path).startswith(
        f"{path}: lines 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, … (12 lines; ids 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, …): text is"
    )


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.txt", "a\n\nb\n", "line 2 (id 1)"),
        ("a.json", '[{"text": "a"}, {"text": ""}]', "object 2 (id 1)"),
        ("a.csv", "text,id\n\na,x\n,y\n", "row 4 (id 'y')"),  # blank lines hold no row
        ("a.tsv", "id\ttext\n\t \nx\ta\n", "row 2 (id '')"),
    ],
)
def test_places_are_called_as_the_format_has_them(tmp_path: Path, name: str, content: str, place: str) -> None:
    path = write(tmp_path / name, content)
    assert refusal(path).startswith(f"{path}: {place}: text is empty or has no visible character.")


def test_parquet_rows_count_from_one(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": ["a"] * 2500 + [None]}).to_parquet(path)
    assert refusal(path).startswith(f"{path}: row 2501 (id 2500): text is missing (null).")


def test_a_missing_column_is_shown_with_those_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "clause,kind\nx,y\n")
    assert refusal(path) == (
        f"{path}: row 2: there is no column 'text'; columns found: clause, kind. Name it: --text_column 'clause'."
    )
    path = write(tmp_path / "a.jsonl", '{"clause": "x"}\n')
    assert refusal(path).startswith(f"{path}: line 1: there is no column 'text'; columns found: clause.")


@pytest.mark.parametrize(
    ("name", "before", "bad", "match"),
    [
        ("a.jsonl", '{"text": "a"}\n' * 2500, "{\n", "line 2501: broken JSON"),
        ("a.jsonl", '{"text": "a"}\n' * 2500, '{"text": ""}\n{"text": "b"}\n', r"line 2501 \(id 2500\): text is empty"),
        ("a.jsonl", '{"text": "a"}\n' * 2000, '{"body": "b"}\n', "line 2001: there is no column 'text'"),
        ("a.json", '[{"text": "a"}' + ',\n{"text": "a"}' * 2499, ",\n7]", "element 2501 of the array starts with '7'"),
        ("a.csv", "text\n" + "a\n" * 2500, "b,c\n", "row 2502 .*: 2 cells, but the header has 1"),
        ("a.txt", "a\n" * 2500, b"\xff\n", "line 2501: byte 0xff"),
        ("a.txt", "a\n" * 3, "\n\nb\n", r"lines 4 and 5 \(ids 3 and 4\): text is empty"),
    ],
)
def test_rows_before_a_bad_one_are_given(tmp_path: Path, name: str, before: str, bad: str | bytes, match: str) -> None:
    path = write(tmp_path / name, before.encode() + (bad.encode() if isinstance(bad, str) else bad))
    seen = []
    with pytest.raises(DataError, match=match):
        for row in InputReader(str(path)):
            seen.append(row)
    assert seen == [(index, "a") for index in range(before.count("a"))]


def test_torn_gzip_and_half_characters(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"some text\n" * 1000)[:-20])
    assert "a.txt.gz: the gzip file ends early" in refusal(tmp_path / "a.txt.gz")
    path = write(tmp_path / "a.jsonl", '{"text": "\\ud83d"}\n')
    assert "line 1 (id 0): text holds half a character" in refusal(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.csv").startswith(f"There is no file {tmp_path / 'a.csv'} (from ")
    assert refusal(tmp_path) == (f"{tmp_path} is a folder without a text file (.txt or .txt.gz).")
    assert refusal(tmp_path, file_format="csv") == (
        f"{tmp_path} is a folder, and --format csv is that of a file. Leave it out."
    )
    message = refusal(write(tmp_path / "a.xls", "x"))
    assert "a.xls: no format is known by the suffix '.xls'. Save the spreadsheet as .xlsx or .csv. Files" in message
    message = refusal(write(tmp_path / "a.docx", "x"))
    assert "a.docx: no format is known by the suffix '.docx'. Files end in .jsonl, " in message
    assert ".parquet, .xlsx, .conll, .bio or .txt (one text a line), each also with .gz; " in message
    assert message.endswith("; or set --format jsonl, text, document, csv, tsv.")
    assert refusal(tmp_path / "a.docx", file_format="jsnol").startswith("Unknown format 'jsnol'. Did you mean 'jsonl'?")


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.txt").write_text("two\nlines\n")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"packed"))
    (tmp_path / ".hidden.txt").write_text("no")
    (tmp_path / "notes.md").write_text("no")
    assert list(InputReader(str(tmp_path))) == [("a.txt.gz", "packed"), ("inner/b.txt", "two\nlines\n")]
    (tmp_path / "c.txt").write_text(" ")
    assert f"{tmp_path}: file 2 (id 'c.txt'): text is empty or has no visible character" in refusal(tmp_path)


def test_plain_text_as_one_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.txt", "one\n\ntwo\n")
    assert list(InputReader(str(path), file_format="document")) == [(0, "one\n\ntwo\n")]
    assert list(InputReader(str(path), kind="documents")) == [(0, "one\n\ntwo\n")]
    assert list(InputReader(str(write(tmp_path / "b.txt", "x\ny\n")), file_format="text", kind="documents")) == [
        (0, "x"),
        (1, "y"),
    ]
    assert list(InputReader(str(write(tmp_path / "c.txt", "")), file_format="document")) == []
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    assert list(InputReader(kind="documents")) == [(0, "a\nb\n")]


def test_a_document_has_the_size_of_a_row_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_transfer.data.formats.opening.MAX_ROW_BYTES", 20)
    path = write(tmp_path / "a.txt", "12345678\n" * 2)
    assert list(InputReader(str(path), file_format="document")) == [(0, "12345678\n" * 2)]
    message = refusal(write(tmp_path / "b.txt", "12345678\n" * 3), file_format="document")
    assert message.startswith(f"{tmp_path / 'b.txt'}: the text ")


def test_texts_to_predict_that_may_not_be_looked_at(tmp_path: Path, refuse: Callable[..., None]) -> None:
    path = tmp_path / "private/rows.jsonl"
    refuse(Path, "exists", path)
    with pytest.raises(DataError) as caught:
        InputReader(str(path))
    assert str(caught.value) == f"{path} cannot be read: Permission denied. {ADVICE}"


@pytest.mark.parametrize(
    ("piped", "expected"),
    [
        (b"text,label\nA b,x\n", [(0, "A b")]),
        (b"id;Text\n7;A b\n", [("7", "A b")]),
        (b"A text, and more\nB\n", [(0, "A text, and more"), (1, "B")]),
    ],
)
def test_a_header_on_standard_input(pipe: Callable[[bytes], None], piped: bytes, expected: list[Any]) -> None:
    pipe(piped)
    assert list(InputReader("-")) == expected


def test_pairs_are_columns_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "first,second,id\na clause,a claim,x\n")
    assert list(InputReader(str(path), kind="pairs")) == [("x", ("a clause", "a claim"))]
    with pytest.raises(DataError, match=r"--text_column names one column, and each row needs two texts\."):
        InputReader(str(path), kind="pairs", text_column="first")
    with pytest.raises(DataError, match=r"holds one text a row, and each row needs two, 'first' and 'second'\."):
        InputReader(str(write(tmp_path / "a.txt", "a text\n")), kind="pairs")
    with pytest.raises(DataError, match=r"no column 'second'; columns found: first\. Call the columns of texts"):
        list(InputReader(str(write(tmp_path / "b.csv", "first\na clause\n")), kind="pairs"))
