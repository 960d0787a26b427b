"""Files and folders: which shape they have, which split is which, and what is not there."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.errors import DataError
from tests.data.conftest import ADVICE, load_error, real_data, refused, text_folder, toy_rows


def test_a_folder_of_split_named_files(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(6))
    (tmp_path / "c/dev.csv").write_text("text,label\ndev one,a\ndev two,b\n")
    write_rows("c/test.json.gz", toy_rows(2, start=50))
    write_rows("c/unlabeled.jsonl.gz", [{"text": "no label"}])
    (tmp_path / "c/README.md").write_text("not data")
    corpus = load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert {name: len(split) for name, split in corpus.splits.items()} == {
        "train": 6,
        "validation": 2,
        "test": 2,
        "unlabeled": 1,
    }
    assert corpus.splits["validation"][:] == {
        "id": ["validation-0", "validation-1"],
        "text": ["dev one", "dev two"],
        "label": [0, 1],
    }
    assert corpus.splits["unlabeled"].column_names == ["id", "text"]
    assert corpus.origin == str(tmp_path / "c")


def test_all_beside_other_splits_is_unlabeled_and_keeps_its_labels(
    tmp_path: Path, write_rows: Callable[..., Path]
) -> None:
    write_rows("c/all.jsonl", toy_rows(8))
    write_rows("c/train.jsonl", toy_rows(6))
    write_rows("c/dev.jsonl", toy_rows(2, start=6))
    corpus = load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert list(corpus.splits) == ["train", "validation", "unlabeled"]
    assert corpus.splits["unlabeled"]["label"][:] == [0, 1] * 4
    assert "There is no test split" in " ".join(corpus.notes)


def test_splits_can_be_chosen_and_the_others_are_noted(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/all.jsonl", toy_rows(8))
    write_rows("c/part1.jsonl", toy_rows(6, start=10))
    write_rows("c/dev.jsonl", toy_rows(2, start=20))
    config = CorpusConfig(
        path=str(tmp_path / "c"), splits={"train": "part1", "test": "all"}, split=SplitConfig(validation=0)
    )
    corpus = load_corpus(config)
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 6, "test": 8}
    assert "Splits that are left out: dev." in corpus.notes


def test_data_files_without_a_splits_name_are_noted(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(6))
    write_rows("c/test.jsonl", toy_rows(2, start=6))
    write_rows("c/extra.jsonl", toy_rows(2, start=8))
    corpus = load_corpus(CorpusConfig(path=str(tmp_path / "c"), split=SplitConfig(validation=0)))
    assert "Splits that are left out: extra." in corpus.notes


def test_two_files_for_one_split(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(4))
    write_rows("c/train.jsonl.gz", toy_rows(4))
    config = CorpusConfig(path=str(tmp_path / "c"))
    assert load_error(config) == (
        f"source.path: {tmp_path / 'c'} has two files for the split 'train': train.jsonl and train.jsonl.gz. Take one away."
    )
    (tmp_path / "c/train.jsonl.gz").unlink()
    write_rows("c/dev.jsonl", toy_rows(2))
    write_rows("c/validation.jsonl", toy_rows(2))
    assert load_error(config).startswith(
        f"{tmp_path / 'c'}: both 'dev' and 'validation' are the split 'validation'. Say which"
    )
    (tmp_path / "c/dev.jsonl").unlink()
    write_rows("c/all.jsonl", toy_rows(2))
    write_rows("c/unlabeled.jsonl", toy_rows(2))
    assert "are the split 'unlabeled'. Set" in load_error(config)


def test_a_path_that_is_not_there(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    path = write_rows("contracts.jsonl", toy_rows(4))
    assert load_error(CorpusConfig(path=str(tmp_path / "contract.jsonl"))) == (
        f"source.path: {tmp_path / 'contract.jsonl'} does not exist. Did you mean {path}?"
    )
    assert load_error(CorpusConfig(path=str(tmp_path / "nowhere/zzz.csv")), key="target") == (
        f"target.path: {tmp_path / 'nowhere/zzz.csv'} does not exist. {tmp_path} holds: contracts.jsonl."
    )


def test_a_suffix_that_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "rows.ods").write_bytes(b"")
    assert load_error(CorpusConfig(path=str(tmp_path / "rows.ods"))) == (
        f"source.path: {tmp_path / 'rows.ods'} has a suffix that is not read. Save the spreadsheet as "
        ".xlsx or .csv. Files end in .jsonl, .ndjson, .json, .csv, .tsv, .parquet, .xlsx, .conll, .bio, each also with .gz."
    )


@pytest.mark.parametrize("name", ["rows.zip", "rows.tar.gz", "rows.TGZ"])
def test_an_archive_is_not_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert load_error(CorpusConfig(path=str(tmp_path / name))) == (
        f"source.path: {tmp_path / name} has a suffix that is not read. Archives are not unpacked: unpack it yourself, "
        "and name the file or folder that was in it. "
        "Files end in .jsonl, .ndjson, .json, .csv, .tsv, .parquet, .xlsx, .conll, .bio, each also with .gz."
    )


def test_a_folder_of_neither_shape(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    assert "It holds: nothing." in load_error(CorpusConfig(path=str(tmp_path / "c")))
    (tmp_path / "c/rows.jsonl").write_text("{}")
    (tmp_path / "c/more").mkdir()
    message = load_error(CorpusConfig(path=str(tmp_path / "c")))
    assert "is neither a folder of split-named files" in message and "It holds: more/, rows.jsonl." in message


def test_splits_of_a_single_file_make_no_sense(write_rows: Callable[..., Path]) -> None:
    path = write_rows("rows.jsonl", toy_rows(4))
    assert "source.splits is set, but" in load_error(CorpusConfig(path=str(path), splits={"train": "rows"}))


def test_class_folders_within_split_folders(tmp_path: Path) -> None:
    names = [f"{split}/{kind}/{n}.txt" for split in ("train", "test") for kind in ("neg", "pos") for n in range(4)]
    corpus = load_corpus(
        CorpusConfig(
            path=str(text_folder(tmp_path / "t", {name: name for name in names})), split=SplitConfig(validation=0)
        )
    )
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 8, "test": 8}
    assert corpus.label_names == ["neg", "pos"]


def test_split_folders_with_a_misspelt_name_are_no_classes(tmp_path: Path) -> None:
    names = [f"{split}/{kind}/{n}.txt" for split in ("train", "tset") for kind in ("neg", "pos") for n in range(4)]
    root = text_folder(tmp_path / "t", {name: name for name in names})
    assert load_error(CorpusConfig(path=str(root))) == (
        f"{root}: tset would be left out: 'tset' is no split's name, and there is no test split. Did you mean 'test'? "
        "Rename it, or set `source.splits: {train: train, test: tset}`."
    )
    config = CorpusConfig(path=str(root), splits={"train": "train", "test": "tset"}, split=SplitConfig(validation=0))
    assert {name: len(split) for name, split in load_corpus(config).splits.items()} == {"train": 8, "test": 8}


def test_a_file_that_changes_is_read_again(write_rows: Callable[..., Path]) -> None:
    path = write_rows("train.jsonl", toy_rows(20))
    config = CorpusConfig(path=str(path), split=SplitConfig(method="stratified"))
    first = load_corpus(config)
    assert load_corpus(config).fingerprint == first.fingerprint
    write_rows("train.jsonl", toy_rows(20, start=1))
    assert load_corpus(config).fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("name", "rows", "classes", "multi"),
    [
        ("science/scicite", {"train": 7320, "validation": 916, "test": 1861}, 3, False),
        ("biomed/chemprot", {"train": 4169, "validation": 2427, "test": 3469}, 13, False),
        ("legal/notices", {"train": 11597, "validation": 1658, "test": 1658}, 11, True),
        ("reviews/books", {"train": 1700, "validation": 300, "unlabeled": 2000}, 2, False),
    ],
)
def test_real_corpora(name: str, rows: dict[str, int], classes: int, multi: bool) -> None:
    corpus = load_corpus(CorpusConfig(path=str(real_data(name))))
    assert {split: len(dataset) for split, dataset in corpus.splits.items()} == rows
    assert len(corpus.label_names) == classes and corpus.multi_label is multi
    if name == "science/scicite":
        assert (
            "validation: 11 of 916 texts are exact copies of training texts (3 of them with another label)."
            in corpus.notes
        )


def test_what_stands_in_place_of_a_split_file(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(6))
    other = tmp_path / "c/test.jsonl"
    advice = "A corpus is read more than once: put a whole file in its place."
    other.mkdir()
    assert load_error(CorpusConfig(path=str(tmp_path / "c"))) == (
        f"source.path: {other} is no file but a folder, pipe, device or broken link. {advice}"
    )
    other.rmdir()
    other.symlink_to("nowhere")
    assert f"{other} is no file but a folder, pipe, device or broken link." in load_error(
        CorpusConfig(path=str(tmp_path / "c"))
    )
    other.unlink()
    os.mkfifo(other)
    assert f"{other} is no file but a folder, pipe, device or broken link." in load_error(
        CorpusConfig(path=str(tmp_path / "c"))
    )
    assert f"{other} is no file but a pipe or device." in load_error(CorpusConfig(path=str(other)))


@pytest.mark.parametrize(
    "name",
    [
        "test.jsonl.zst",
        "test.jsonl.bz2",
        "Test.ods",
        "test.txt",
        "test.arrow",
        "dev.jsonl.bak",
        "train.csv~",
        "test",
        "test/part-0.jsonl",
        "test-00000-of-00002.parquet",
        "test.1.jsonl",
    ],
)
@pytest.mark.parametrize("kind", ["files", "classes"])
def test_a_split_in_a_form_that_is_not_read_is_an_error(
    kind: str, name: str, tmp_path: Path, write_rows: Callable[..., Path]
) -> None:
    folder = tmp_path / "c"
    if kind == "files":
        write_rows("c/train.jsonl", toy_rows(6))
    else:
        text_folder(folder, {"a/1.txt": "one", "b/1.txt": "two"})
        if "/" in name:
            name = "test.tar.gz"
    write_rows(f"c/{name}", toy_rows(2, start=6))
    entry = folder / name.split("/")[0]
    message = load_error(CorpusConfig(path=str(folder)))
    assert message.startswith(
        f"source.path: {entry}{'/' if entry.is_dir() else ''} has the name of a split, and is not read: a split is one "
        "file. Files end in .jsonl, "
    )
    assert ("Archives are not unpacked" in message) is name.endswith(".tar.gz")


def test_what_else_lies_beside_split_files_is_named(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(6))
    write_rows("c/train.jsonl.sha256", [])
    write_rows("c/heldout/rows.jsonl", toy_rows(2, start=6))
    write_rows("c/eval.ods", [])
    (tmp_path / "c/README.md").touch()
    corpus = load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert "What else lies in the folder is left out: eval.ods, heldout/." in corpus.notes


def test_splits_that_are_chosen_say_which_names_count(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/mine.jsonl", toy_rows(6))
    (tmp_path / "c/test.ods").touch()
    config = CorpusConfig(path=str(tmp_path / "c"), splits={"train": "mine"}, split=SplitConfig(method="stratified"))
    assert sum(map(len, load_corpus(config).splits.values())) == 6
    (tmp_path / "c/mine.ods").touch()
    assert "mine.ods has the name of a split, and is not read: " in load_error(config)


@pytest.mark.parametrize("names", [["train/a/1.txt", "train/b/1.txt", "test/1.txt"], ["train/1.txt", "test/1.txt"]])
def test_folders_of_splits_are_no_classes(names: list[str], tmp_path: Path) -> None:
    root = text_folder(tmp_path / "t", {name: name for name in names})
    assert load_error(CorpusConfig(path=str(root))) == (
        f"source.path: {root} has folders with names of splits (test, train), and not each of its folders (test/, "
        "train/) has a sub-folder of text or image files for each class."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file systems take no such name")
def test_names_that_are_not_utf8_are_refused_in_words(tmp_path):
    name = os.fsdecode(b"b\xe9")
    (tmp_path / name).mkdir()
    for config in (CorpusConfig(path=str(tmp_path / name)), CorpusConfig(path=str(tmp_path / f"{name}.jsonl"))):
        with pytest.raises(
            DataError, match=r"source\.path: the name '.*b\\udce9.*' is not UTF-8, as files are written here"
        ):
            load_corpus(config)
    for label in ("yes", "no"):
        (tmp_path / "classes" / label).mkdir(parents=True)
        (tmp_path / "classes" / label / f"{name if label == 'no' else 1}.txt").write_text("a text")
    with pytest.raises(DataError, match=r"/classes: the name '.*/classes/no/b\\udce9\.txt' is not UTF-8"):
        load_corpus(CorpusConfig(path=str(tmp_path / "classes")))


def test_a_path_that_may_not_be_looked_at(tmp_path: Path, refuse: Callable[..., None]) -> None:
    path = tmp_path / "private/rows.jsonl"
    refuse(Path, "is_dir", path)
    assert refused(path) == f"{path} cannot be read: Permission denied. {ADVICE}"
    refuse(Path, "is_dir", tmp_path / "far", code=errno.EIO)
    assert refused(tmp_path / "far") == (
        f"{tmp_path / 'far'} cannot be read: Input/output error. Check that it is there and whole, or name another."
    )


def test_a_folder_that_may_not_be_listed(
    tmp_path: Path, write_rows: Callable[..., Path], refuse: Callable[..., None]
) -> None:
    folder = write_rows("c/train.jsonl", toy_rows(6)).parent
    refuse(Path, "iterdir", folder)
    assert refused(folder) == f"{folder} cannot be read: Permission denied. {ADVICE}"
    # What is there instead of a path that is not.
    refuse(Path, "iterdir", tmp_path)
    assert (
        refused(tmp_path / "d") == f"source ({tmp_path / 'd'}): {tmp_path} cannot be read: Permission denied. {ADVICE}"
    )
