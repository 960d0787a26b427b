"""Files that are not what their names say are told by their first bytes, with what to do about each."""

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.data.formats import FORMATS, data_suffix
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.data.source import FileSettings
from nlp_transfer.errors import DataError

ROWS = '{"text": "für a", "label": "x"}\n{"text": "b", "label": "y"}\n'


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, ROWS)
    return buffer.getvalue()


def parquet() -> bytes:
    return pd.DataFrame({"text": ["a"], "label": ["x"]}).to_parquet()


def failure(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(FORMATS[data_suffix(path)](path, frozenset(["text"]), FileSettings()))
    return str(caught.value)


PACKED = "Unpack it; of packed files only gzip (.gz) is read."
KINDS = {
    "gzip": (gzip.compress(ROWS.encode()), "is a gzip file, though its name does not say so. Rename it to NAME.gz."),
    "xlsx": (
        zipped("[Content_Types].xml", "xl/workbook.xml"),
        "is a zip archive or Office file. Let the name of a workbook end in .xlsx; unpack an archive.",
    ),
    "xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        "is an old or locked Office file. Save it as .xlsx, without a password.",
    ),
    "parquet": (parquet(), "is a Parquet file. The name of one ends in .parquet: rename it."),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "is a PDF file. Extract its text, for instance with `pdftotext`."),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "is a Git LFS pointer, not the data. Fetch them with `git lfs pull`.",
    ),
    "bzip2": (bz2.compress(ROWS.encode()), f"is a bzip2 file. {PACKED}"),
    "xz": (lzma.compress(ROWS.encode()), f"is an xz file. {PACKED}"),
}


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_reader_says_what_it_is(tmp_path: Path, kind: str, suffix: str) -> None:
    if (kind, suffix) in (("parquet", ".parquet"), ("xlsx", ".xlsx")):
        return
    content, words = KINDS[kind]
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(content)
    assert failure(path) == f"{path} {words.replace('NAME', path.name)}"


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_class_folders_and_to_predict(tmp_path: Path, kind: str) -> None:
    content, words = KINDS[kind]
    path = tmp_path / "t/a/1.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (tmp_path / "t/b").mkdir()
    (tmp_path / "t/b/1.txt").write_text("b")
    expected = f"{path} {words.replace('NAME', path.name)}"
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "t"), split=SplitConfig(method="stratified")))
    assert str(caught.value) == expected
    with pytest.raises(DataError) as caught:
        list(InputReader(str(path)))
    assert str(caught.value) == expected


def test_standard_input_has_no_name_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(ROWS.encode()))))
    with pytest.raises(DataError) as caught:
        list(InputReader())
    assert str(caught.value) == "standard input is a gzip file. Unpack it on the way: `gunzip -c FILE | …`."


def test_what_lies_within_and_under_gz(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(gzip.compress(b"text\na\n")))
    assert failure(path) == f"{path} was packed twice with gzip. Unpack it once, and let its name end in .gz again."
    path.write_bytes(zipped("rows.csv"))
    assert failure(path).startswith(f"{path} is a zip archive or Office file")
    path.write_bytes(parquet())
    assert failure(path) == f"{path} is a Parquet file. The name of one ends in .parquet: rename it."


@pytest.mark.parametrize("start", ["PAR1 is a receptor", "BZh is no word", "%PDF", "PK", "version https", "ÿþ", "þÿ"])
def test_texts_that_start_alike_are_texts(tmp_path: Path, start: str) -> None:
    (tmp_path / "a.txt").write_text(f"{start}\nb\n", "utf-8")
    assert list(InputReader(str(tmp_path / "a.txt"))) == [(0, start), (1, "b")]


def test_one_nul_character_makes_no_utf16(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\0b\nb\n")
    with pytest.raises(DataError) as caught:
        list(InputReader(str(tmp_path / "a.txt")))
    assert str(caught.value).startswith(f"{tmp_path / 'a.txt'}: line 1 (id 0): text holds a NUL character. No text has")
