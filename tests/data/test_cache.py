"""The cache is keyed by content, and only its owner may read it."""

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from datasets import Dataset

from nlp_transfer import CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.data.cache import cache_path, store_table
from nlp_transfer.data.encoding.tokens import encode_texts
from nlp_transfer.errors import DataError
from nlp_transfer.files import _digest, make_private_folder
from tests.data.conftest import load_error, refused, toy_rows
from tests.tiny_classifiers import word_tokenizer


def replace_in_place(path: Path, old: str, new: str) -> None:
    """Write text of equal length with the same time of change into a file, as a new process meets it."""
    state = path.stat()
    content = path.read_bytes()
    assert len(old) == len(new) and old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode()))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    _digest.cache_clear()


def test_a_label_of_equal_length_and_time_of_change_is_read_anew(
    tmp_path: Path, write_rows: Callable[..., Path]
) -> None:
    write_rows("c/train.jsonl", toy_rows(8))
    config = CorpusConfig(path=str(tmp_path / "c"))
    assert load_corpus(config).label_names == ["a", "b"]
    replace_in_place(tmp_path / "c/train.jsonl", '"b"', '"z"')
    assert load_corpus(config).label_names == ["a", "z"]


def test_a_text_file_of_equal_length_and_time_of_change_is_read_anew(tmp_path: Path) -> None:
    for label in "ab":
        for number in range(4):
            file = tmp_path / "c" / label / f"{number}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"text {label} {number}")
    config = CorpusConfig(path=str(tmp_path / "c"))
    assert "text a 0" in [row["text"] for split in load_corpus(config).splits.values() for row in split]
    replace_in_place(tmp_path / "c/a/0.txt", "text a 0", "word a 0")
    assert "word a 0" in [row["text"] for split in load_corpus(config).splits.values() for row in split]


def test_a_dataset_whose_file_was_replaced_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "rows.arrow"
    for label in "bz":
        rows = Dataset.from_list(toy_rows(8, classes=("a", label)))
        rows.save_to_disk(str(tmp_path / label))
        file.write_bytes((tmp_path / label / "data-00000-of-00001.arrow").read_bytes())
        os.utime(file, ns=(1, 1))
        assert corpus_from({"train": Dataset.from_file(str(file))}).label_names == ["a", label]


def test_equal_files_share_an_entry(tmp_path: Path, own_cache: Path, write_rows: Callable[..., Path]) -> None:
    for name in ("one", "two"):
        write_rows(f"{name}/train.jsonl", toy_rows(8))
        load_corpus(CorpusConfig(path=str(tmp_path / name)))
    assert len(list((own_cache / "corpora").glob("*.arrow"))) == 1


@pytest.mark.parametrize("there", [False, True])
def test_only_the_owner_may_read_the_cache(
    there: bool, tmp_path: Path, own_cache: Path, write_rows: Callable[..., Path]
) -> None:
    if there:  # as an earlier version made it
        (own_cache / "corpora").mkdir(parents=True, mode=0o755)
    write_rows("c/train.jsonl", toy_rows(8))
    before = os.umask(0)
    try:
        load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    finally:
        os.umask(before)
    assert (own_cache / "corpora").stat().st_mode & 0o777 == 0o700
    files = [path for path in own_cache.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".arrow", ".json"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert json.loads(next(path for path in files if path.suffix == ".json").read_text()) == {"rows": 8}


@pytest.mark.parametrize("there", [False, True])
def test_a_private_folder_is_made_or_closed(there: bool, tmp_path: Path) -> None:
    if there:
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b").chmod(0o755)
    assert make_private_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_cache_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlp_transfer.errors import DataError

    (tmp_path / "file").touch()
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"The cache folder .*file/corpora cannot be written. Set NLP_TRANSFER_CACHE"):
        cache_path("corpora", "k")


KILLED = """
import sys
import pyarrow as pa
from nlp_transfer.data.cache import cache_path, store_table
def tables():
    yield pa.table({"a": [1]})
    print("written", flush=True)
    sys.stdin.read()
store_table(cache_path("corpora", "b" * 64), tables)
"""


def test_rests_of_a_killed_process_are_deleted_by_the_next(own_cache: Path) -> None:
    environment = {**os.environ, "NLP_TRANSFER_CACHE": str(own_cache)}
    words = [sys.executable, "-c", KILLED]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, env=environment, **pipes) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        store_table(cache_path("corpora", "c" * 64), lambda: iter([pa.table({"a": [1]})]))
        (rest,) = (own_cache / "corpora").glob("*.tmp")  # it lives
        assert rest.stat().st_mode & 0o777 == 0o600
        writer.kill()
    theirs = [own_cache / "corpora" / name for name in ("tmpabcdefgh", "tmp12345678")]
    for path in theirs:
        path.touch()
    os.utime(theirs[0], (0, 0))
    store_table(cache_path("corpora", "d" * 64), lambda: iter([pa.table({"a": [1]})]))
    names = sorted(path.name for path in (own_cache / "corpora").iterdir())
    assert names == sorted([f"{key * 64}.{end}" for key in "cd" for end in ("arrow", "json")] + [theirs[1].name])


def test_a_full_disk_of_the_cache(
    own_cache: Path, write_rows: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = write_rows("rows.jsonl", toy_rows(20))
    advice = "Free some space, or set NLP_TRANSFER_CACHE."
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = f"source ({path}): The cache cannot be written in {own_cache / 'corpora'}: No space left on device. {advice}"
        assert refused(path) == message
    assert list(own_cache.glob("corpora/*")) == []
    corpus = load_corpus(CorpusConfig(path=str(path), split=SplitConfig(method="stratified")))
    monkeypatch.setattr(datasets.Dataset, "map", full)
    with pytest.raises(DataError) as caught:
        encode_texts(corpus.splits["train"], word_tokenizer(), max_length=8, fingerprint=corpus.fingerprint)
    assert str(caught.value) == (
        f"The cache cannot be written in {own_cache / 'tokens'}: No space left on device. {advice}"
    )


def test_rows_are_memory_mapped_and_a_damaged_cache_is_rebuilt(
    own_cache: Path, write_rows: Callable[..., Path]
) -> None:
    path = write_rows("train.jsonl", toy_rows(20))
    config = CorpusConfig(path=str(path), split=SplitConfig(method="stratified"))
    first = load_corpus(config)
    (cached,) = own_cache.glob("corpora/*.arrow")
    assert any(file["filename"] == str(cached) for file in first.splits["train"].cache_files)
    content = cached.read_bytes()
    for damage in (content[: len(content) // 2], b"", content[:-200]):
        del first
        cached.unlink()
        cached.write_bytes(damage)
        first = load_corpus(config)
        assert sum(len(split) for split in first.splits.values()) == 20
    assert not list(own_cache.glob("corpora/*.tmp"))


def test_nothing_stays_behind_after_an_error(own_cache: Path, write_rows: Callable[..., Path]) -> None:
    path = write_rows("train.jsonl", [*toy_rows(5000), {"text": "", "label": "a"}])
    assert "row 5001: text is empty" in load_error(CorpusConfig(path=str(path)))
    assert list(own_cache.glob("corpora/*")) == []


def test_a_cache_that_cannot_be_written(
    tmp_path: Path, write_rows: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "file"))
    path = write_rows("train.jsonl", toy_rows(20))
    message = load_error(CorpusConfig(path=str(path)))
    assert re.match(
        r"source \(.*train.jsonl\): The cache folder .*file/corpora cannot be written\. Set NLP_TRANSFER_CACHE",
        message,
    )
