"""Which classes there are, and in which order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from nlp_transfer import Corpus, CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.data.validation.labels import order_class_names
from nlp_transfer.errors import DataError
from tests.data.conftest import SPLIT, toy_rows


@pytest.fixture
def corpus(write_rows: Callable[..., Path]) -> Callable[..., Corpus]:
    def load(classes: tuple[Any, ...], names: list[str] | None = None, **options: Any) -> Corpus:
        path = write_rows("rows.jsonl", toy_rows(60, classes))
        return load_corpus(CorpusConfig(path=str(path), split=SPLIT, label_names=names), **options)

    return load


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        (("b", "a", "c"), ["a", "b", "c"]),
        ((10, 9, 0), ["0", "9", "10"]),
        (("10", "9", "0"), ["0", "9", "10"]),
        (("10", "9", "x"), ["10", "9", "x"]),
        ((True, False), ["false", "true"]),
        ((2.0, 1.0), ["1", "2"]),
        ((["b"], ["a", "b"], []), ["a", "b"]),
        (([3], [20], [3, 20]), ["3", "20"]),
    ],
)
def test_names_and_their_order(corpus: Callable[..., Corpus], classes: tuple[Any, ...], names: list[str]) -> None:
    loaded = corpus(classes)
    assert loaded.label_names == names
    assert loaded.multi_label is isinstance(classes[0], list)
    seen = {row["text"]: row[str(loaded.label_column)] for split in loaded.splits.values() for row in split}
    for row in toy_rows(60, classes):
        wanted = row["label"] if isinstance(row["label"], list) else [row["label"]]
        got = seen[row["text"]] if loaded.multi_label else [seen[row["text"]]]
        plain = [
            str(value).lower() if isinstance(value, bool) else str(int(value) if isinstance(value, float) else value)
            for value in wanted
        ]
        assert [names[index] for index in got] == plain


def test_given_names_number_integers(corpus: Callable[..., Corpus]) -> None:
    loaded = corpus((2, 0, 1), ["low", "high", "middle"])
    assert loaded.label_names == ["low", "high", "middle"]
    assert {row["text"]: row["label"] for split in loaded.splits.values() for row in split}["text number 0"] == 2


def test_names_that_are_numbers_themselves_are_still_indexed(corpus: Callable[..., Corpus]) -> None:
    loaded = corpus((0, 1, 2), ["1", "2", "3"])
    assert {row["text"]: row["label"] for split in loaded.splits.values() for row in split}["text number 2"] == 2


def test_given_names_order_strings(corpus: Callable[..., Corpus]) -> None:
    assert corpus(("a", "b"), ["b", "a", "unused"]).label_names == ["b", "a", "unused"]


def test_numbers_of_a_csv_file_index_names_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"text {row},{row % 2}\n" for row in range(20)))
    loaded = load_corpus(CorpusConfig(path=str(path), split=SPLIT, label_names=["no", "yes"]))
    labels = {row["text"]: row["label"] for split in loaded.splits.values() for row in split}
    assert (loaded.label_names, labels["text 3"], labels["text 4"]) == (["no", "yes"], 1, 0)


def test_a_trained_models_names_keep_their_order(corpus: Callable[..., Corpus]) -> None:
    loaded = corpus(("a", "b"), label_names=["b", "c", "a"])
    assert loaded.label_names == ["b", "c", "a"]
    assert {row["text"]: row["label"] for split in loaded.splits.values() for row in split}["text number 0"] == 2
    loaded = corpus((0, 1), ["a", "b"], label_names=["b", "c", "a"])
    assert {row["text"]: row["label"] for split in loaded.splits.values() for row in split}["text number 0"] == 2


def class_label_set() -> DatasetDict:
    """As SCOTUS is: classes called 1, 2, 3 under the ids 0, 1, 2."""
    features = Features({"text": Value("string"), "label": ClassLabel(names=["3", "1", "2"])})
    rows = {"text": [f"t {n}" for n in range(6)], "label": [0, 1, 2] * 2}
    return DatasetDict(
        train=Dataset.from_dict(rows, features=features), test=Dataset.from_dict(rows, features=features)
    )


def test_class_label_features_keep_names_and_ids() -> None:
    loaded = corpus_from(class_label_set(), split=SplitConfig(validation=0))
    assert loaded.label_names == ["3", "1", "2"]
    assert loaded.splits["test"]["label"][:] == [0, 1, 2] * 2


def test_lists_of_class_labels_keep_names_and_ids() -> None:
    features = Features({"text": Value("string"), "labels": List(ClassLabel(names=["x", "y", "z"]))})
    rows = {"text": [f"t {n}" for n in range(6)], "labels": [[0, 2], [1], []] * 2}
    loaded = corpus_from(
        {"train": Dataset.from_dict(rows, features=features)}, split=SplitConfig(method="given", validation=0)
    )
    assert loaded.label_names == ["x", "y", "z"] and loaded.multi_label
    assert loaded.splits["train"]["labels"][:] == [[0, 2], [1], []] * 2


def test_a_split_with_rows_that_lack_labels_goes_without(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(8))
    path = write_rows("c/unlabeled.jsonl", [*toy_rows(2500, start=8), {"text": "x", "label": None}])
    loaded = load_corpus(CorpusConfig(path=str(tmp_path / "c"), split=SplitConfig(method="given")))
    assert loaded.splits["unlabeled"].column_names == ["id", "text"]
    assert f"{path}: labels are left out, because not all rows have one." in loaded.notes


def test_order_of_names() -> None:
    assert order_class_names(["10", "-1", "2"]) == ["-1", "2", "10"]
    assert order_class_names(["02", "1"]) == ["02", "1"]
    assert order_class_names(["²", "1"]) == ["1", "²"]


@pytest.mark.parametrize("hidden", ["\u200b", "\u00a0 ", "\ufeff"])
def test_labels_that_differ_only_in_invisible_characters_are_an_error(hidden: str) -> None:
    data = {"train": pd.DataFrame(toy_rows(20)), "test": pd.DataFrame(toy_rows(4, (f"a{hidden}", "b"), start=20))}
    with pytest.raises(DataError) as caught:
        corpus_from(data)
    assert str(caught.value) == (
        f"label 'a' (data, split 'train', row 1) and {f'a{hidden}'!a} (data, split 'test', row 1) look the same: they "
        "differ only in characters that nobody sees."
    )


def test_a_label_of_invisible_characters_alone_is_an_error() -> None:
    with pytest.raises(DataError, match="data: rows 2 and 4: label is empty or has no visible character"):
        corpus_from(pd.DataFrame(toy_rows(4, ("a", "\u200b"))))


def test_lists_of_labels_are_looked_at_too() -> None:
    with pytest.raises(DataError, match=r"labels 'a' \(data, row 1\) and 'a\\u200b' \(data, row 2\) look the same"):
        corpus_from(pd.DataFrame(toy_rows(4, (["a"], ["a\u200b", "b"]))))


def test_integers_outside_the_names(failure: Callable[..., str]) -> None:
    assert failure(toy_rows(6, (0, 1, 7)), class_names=["no", "yes"]) == (
        "FILE: rows 3 and 6: label 7 is outside source.label_names (0 to 1). Classes: no, yes."
    )
    assert "leave it out" in failure(toy_rows(6, (0, 1, -1)), class_names=["no", "yes"])
    assert failure(toy_rows(6, ("no", "maybe")), class_names=["no", "yes"]) == (
        "FILE: rows 2, 4 and 6: label 'maybe' is not in source.label_names. Classes: no, yes."
    )


def test_labels_that_training_has_not_seen(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(6))
    path = write_rows("c/test.jsonl", toy_rows(3, ("a", "c", "b"), start=6))
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert str(caught.value) == (
        f"{path}: row 2: label 'c' is unseen in training. Classes of training: a, b. "
        "Correct or remove these rows, or train with such rows."
    )


def test_labels_that_a_model_has_not_seen(failure: Callable[..., str]) -> None:
    message = failure(toy_rows(4, ("a", "z")), key="target", label_names=["b", "a"])
    assert message == (
        "FILE: rows 2 and 4: label 'z' is unseen in training. Classes of training: b, a. Correct or remove these rows, "
        "or train with such rows. Or put them into a file unlabeled; target.columns: {label: unread} scores none."
    )
    message = failure(toy_rows(4, (0, 1)), key="target", label_names=["b", "a"])
    assert "rows 1 and 3: label 0 is unseen in training" in message
    assert "Where integers stand for these classes, set target.label_names." in message


def test_multi_label_rows_are_found(failure: Callable[..., str]) -> None:
    rows = [{"text": "x", "labels": ["a"]}, {"text": "y", "labels": []}, {"text": "z", "labels": ["b", "q"]}]
    assert failure(rows, label_names=["a", "b"]).startswith("FILE: row 3: labels 'q' is unseen in training.")


def test_no_label_at_all(failure: Callable[..., str]) -> None:
    assert "no row has a label in column 'labels'" in failure([{"text": f"x {row}", "labels": []} for row in range(9)])


def test_a_label_of_more_digits_than_python_reads(write_rows: Callable[..., Path]) -> None:
    corpus = load_corpus(CorpusConfig(path=str(write_rows("rows.jsonl", toy_rows(20, ("7" * 5000, "1")))), split=SPLIT))
    assert corpus.label_names == ["1", "7" * 5000]
