"""Files as text: encoding, gzip, length."""

import builtins
import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from nlp_transfer.data.formats import opening
from nlp_transfer.data.formats.opening import text_lines
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.errors import DataError
from tests.data.conftest import ADVICE, refused
from tests.data.formats.conftest import ROWS, failure, read, write


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv"])
def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_bytes(b'{"text": "a"}\n{"text": "caf\xff"}\n')
    assert failure(path).startswith(f"{path}: line 2: byte 0xff at offset 27 is not UTF-8. Set `encoding`, such as ")
    path.write_bytes('{"text": "ä"}\n'.encode() + b'{"text": "caf\xe9"}\n')
    assert failure(path) == (
        f"{path}: line 2: byte 0xe9 at offset 28 is not UTF-8. Other lines are UTF-8: mend this one, or set `encoding` "
        "for the whole file."
    )


def test_json_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"text": "a"},\n{"text": "caf\xff"}]')
    assert f"{path}: line 2: byte 0xff at offset 29 is not UTF-8." in failure(path)
    path.write_bytes(b'[{"text": "a\xc3')  # ends within a character
    assert f"{path}: line 1: byte 0xc3 at offset 12 is not UTF-8." in failure(path)


@pytest.mark.parametrize("size", [1, 3, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".csv.gz"])
def test_other_encodings_are_detected(
    tmp_path: Path, suffix: str, encoding: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CHUNK_BYTES", size)
    rows = [
        {"text": "Der Käufer zahlt den später geprüften Preis – „sofort“", "label": "a"},
        {"text": "Größe, gemessen", "label": "b"},
    ]
    path = tmp_path / f"rows{suffix}"
    frame, plain = pd.DataFrame(rows), suffix.removesuffix(".gz")
    lines = frame.to_json(orient="records", lines=plain == ".jsonl", force_ascii=False)
    content = (frame.to_csv(index=False) if plain == ".csv" else lines).encode(encoding)
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    assert read(path) == rows


def test_utf16_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("text,label\nä,b\nc,d".encode("utf-16")[:-1])
    assert f"{path}: line 3: byte 0x64 at offset 36 is not utf-16. Set `encoding`" in failure(path)


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


def test_a_row_may_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_ROW_BYTES", 1 << 20)
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n{"text": "' + "x" * (1 << 20) + '"}\n')
    assert failure(path) == (
        f"{path}: line 2 is longer than 1 MiB, which is no row. Does the file lack line ends, or a closing quote? "
        "Cut a text that is so long into parts."
    )


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv.gz", "rows.json", "rows.parquet"])
def test_a_file_that_may_not_be_opened(name: str, tmp_path: Path, refuse: Callable[..., None]) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"text,label\n"))
    if name.endswith(".gz"):
        refuse(builtins, "open", path)
    else:
        refuse(Path, "open", path)
    assert refused(path) == f"{path} cannot be read: Permission denied. {ADVICE}"
    with pytest.raises(DataError) as caught:
        list(InputReader(str(path)))
    assert str(caught.value) == f"{path} cannot be read: Permission denied. {ADVICE}"


@pytest.mark.parametrize("content", ["text,page\ra,1\rb,2\r", "text,page\ra,1\rb,2", "text,page\r\na,1\r\nb,2\r\n"])
def test_lines_may_end_as_on_old_macs(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    assert read(path, frozenset(["text", "page"])) == [{"text": "a", "page": "1"}, {"text": "b", "page": "2"}]
    path = tmp_path / "mixed.txt"
    path.write_bytes(b"a\rb\nc\r")
    assert list(text_lines(path)) == [(1, "a\rb\n"), (2, "c\r")]
