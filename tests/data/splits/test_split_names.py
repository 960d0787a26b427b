"""Names of splits."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.errors import DataError
from tests.data.conftest import load_error, toy_rows


def test_a_misspelt_split_name_is_no_note(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    folder = tmp_path / "c"
    write_rows("c/train.jsonl", toy_rows(6))
    write_rows("c/tets.csv", [])
    config = CorpusConfig(path=str(folder), split=SplitConfig(validation=0))
    assert load_error(config, key="target") == (
        f"{folder}: tets.csv would be left out: 'tets' is no split's name, and there is no test split. Did you mean "
        "'test'? Rename it, or set `target.splits: {train: train, test: tets}`."
    )
    (folder / "tets.csv").rename(folder / "validaton.jsonl.gz")
    (folder / "train.jsonl").rename(folder / "tarin.jsonl")
    write_rows("c/all.jsonl", toy_rows(2))
    with pytest.raises(DataError) as caught:
        load_corpus(config)
    choice = "`source.splits: {train: tarin, validation: validaton, unlabeled: all}`."
    assert [problem.split(" Rename it")[0] for problem in caught.value.problems] == [
        f"{folder}: tarin.jsonl would be left out: 'tarin' is no split's name, and there is no train split. Did you "
        "mean 'train'?",
        f"{folder}: validaton.jsonl.gz would be left out: 'validaton' is no split's name, and there is no validation "
        "split. Did you mean 'validation'?",
    ]
    assert all(problem.endswith(choice) for problem in caught.value.problems)
    (folder / "all.jsonl").unlink()  # no right name is left beside them
    assert "Did you mean 'train'?" in load_error(config)
    (folder / "tarin.jsonl").rename(folder / "train.jsonl")
    (folder / "validaton.jsonl.gz").rename(folder / "dve.csv")
    assert load_error(config).startswith(
        f"{folder}: dve.csv would be left out: 'dve' is no split's name, and there is no validation split. Did you mean "
        "'dev'?"
    )


@pytest.mark.parametrize("name", ["extra", "labeled", "contest", "strain", "small", "train2", "test_public", "tests"])
def test_a_name_that_is_no_close_miss_or_whose_split_is_there_stays_a_note(
    name: str, tmp_path: Path, write_rows: Callable[..., Path]
) -> None:
    write_rows("c/train.jsonl", toy_rows(6))
    if name == "tests":
        write_rows("c/test.jsonl", toy_rows(2, start=6))
    write_rows(f"c/{name}.jsonl", toy_rows(2, start=8))
    corpus = load_corpus(CorpusConfig(path=str(tmp_path / "c"), split=SplitConfig(method="stratified")))
    assert f"Splits that are left out: {name}." in corpus.notes


def test_splits_that_are_chosen_need_no_right_names(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/tarin.jsonl", toy_rows(6))
    write_rows("c/tets.jsonl", toy_rows(2, start=6))
    config = CorpusConfig(path=str(tmp_path / "c"), splits={"train": "tarin"}, split=SplitConfig(method="stratified"))
    assert "Splits that are left out: tets." in load_corpus(config).notes
