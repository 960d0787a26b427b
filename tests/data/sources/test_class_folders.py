"""Text files in class folders."""

import os
from collections.abc import Callable
from pathlib import Path

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.files import files_under
from tests.data.conftest import ADVICE, load_error, refused, text_folder


def test_a_folder_within_a_class_that_may_not_be_listed(tmp_path: Path, refuse: Callable[..., None]) -> None:
    for name in ("a/1.txt", "b/1.txt", "b/more/2.txt"):
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).write_text(name)
    assert sorted(path.name for path in files_under(tmp_path / "t")) == ["1.txt", "1.txt", "2.txt"]
    refuse(os, "scandir", tmp_path / "t/b/more")
    assert refused(tmp_path / "t") == f"{tmp_path / 't/b/more'} cannot be read: Permission denied. {ADVICE}"


def test_a_folder_of_text_files_by_class(tmp_path: Path) -> None:
    root = text_folder(
        tmp_path / "t", {f"{kind}/{n:02}.txt": f"{kind} text {n}\nline" for kind in ("neg", "pos") for n in range(20)}
    )
    (root / ".DS_Store").write_bytes(b"")
    corpus = load_corpus(CorpusConfig(path=str(root), split=SplitConfig(method="stratified")))
    assert corpus.label_names == ["neg", "pos"]
    rows = {row["id"]: row for split in corpus.splits.values() for row in split}
    assert len(rows) == 40
    assert rows["pos/03.txt"] == {"id": "pos/03.txt", "text": "pos text 3\nline", "label": 1}


def test_text_folders_say_what_is_wrong(tmp_path: Path) -> None:
    root = text_folder(tmp_path / "t", {"a/1.txt": "one", "b/1.pdf": "two"})
    message = load_error(CorpusConfig(path=str(root)))
    assert f"{root / 'b'}: the class 'b' has no text file (.txt or .txt.gz)." in message
    assert f"{root / 'b'}: 1 entry is no .txt or .txt.gz (1.pdf). Take what is none out of the folder." in message
    root = text_folder(tmp_path / "u", {"a/1.txt": "one", "b/1.txt": " \n"})
    assert f"{root / 'b/1.txt'}: the file is empty or has no visible character." in load_error(
        CorpusConfig(path=str(root))
    )
    (root / "b/1.txt").write_bytes(b"caf\xff")
    assert f"{root / 'b/1.txt'}: line 1: byte 0xff at offset 3 is not UTF-8." in load_error(
        CorpusConfig(path=str(root))
    )


def test_texts_beside_class_folders_have_no_class(tmp_path: Path) -> None:
    root = text_folder(tmp_path / "t", {"a/1.txt": "one", "b/1.txt": "two", "loose.txt": "three"})
    assert load_error(CorpusConfig(path=str(root))) == (
        f"{root}: 1 texts are in no class's folder (loose.txt). Move them into one."
    )
    names = [f"{split}/{kind}/1.txt" for split in ("train", "test") for kind in ("neg", "pos")]
    root = text_folder(tmp_path / "u", {name: name for name in [*names, "test/loose.txt.gz"]})
    assert load_error(CorpusConfig(path=str(root))).startswith(
        f"{root / 'test'}: 1 texts are in no class's folder (loose.txt.gz)"
    )
