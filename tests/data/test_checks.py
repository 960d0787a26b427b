"""Bad rows: every kind is an error that names file, rows and column; all problems come together."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from nlp_transfer.data import CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.errors import DataError
from tests.data.conftest import toy_rows

SPLIT = SplitConfig(method="stratified")


@pytest.fixture
def failure(write_rows: Callable[..., Path]) -> Callable[..., str]:
    """The message for bad rows, with the path left out."""

    def message(rows: list[Any], **options: Any) -> str:
        columns = options.pop("columns", {})
        names = options.pop("class_names", None)
        path = write_rows("rows.jsonl", rows)
        with pytest.raises(DataError) as caught:
            load_corpus(CorpusConfig(path=str(path), columns=columns, label_names=names, split=SPLIT), **options)
        return str(caught.value).replace(str(path), "FILE")

    return message


def test_a_text_column_that_is_missing(failure: Callable[..., str]) -> None:
    rows = [{"clause": "x", "label": "a"}]
    assert failure(rows) == (
        "FILE: there is no column 'text'; columns found: clause, label. "
        "Say which one holds the text: `source.columns: {clause: text}`."
    )
    assert failure(rows, columns={"clauses": "text"}) == (
        "FILE: source.columns: Unknown column 'clauses'. Did you mean 'clause'? Columns: clause, label."
    )


def test_a_label_column_that_is_missing(failure: Callable[..., str]) -> None:
    assert failure([{"text": "x", "kind": "a"}], labeled=True) == (
        "FILE: there is no column 'label' or 'labels'; columns found: text, kind. "
        "Say which one holds the labels: `source.columns: {kind: label}`."
    )


def test_a_split_without_the_labels_of_the_others(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(4))
    path = write_rows("c/test.jsonl", [{"text": "x", "kind": "a"}])
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert f"{path}: there is no column 'label' or 'labels'; columns found: text, kind." in str(caught.value)


def test_empty_and_missing_texts_are_counted(failure: Callable[..., str]) -> None:
    rows = toy_rows(5000)
    for row in (2, 3000):
        rows[row]["text"] = " \t\n"
    for row in range(100, 112):
        rows[row]["text"] = None
    rows[4000].pop("text")
    message = failure(rows)
    assert message.splitlines() == [
        "2 problems:",
        "  - FILE: rows 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, … (13 rows): text is missing (null). "
        "Every row needs a text: mend or remove these rows.",
        "  - FILE: rows 3 and 3001: text is empty or has no visible character. Every row needs a text: mend or remove these rows.",
    ]


@pytest.mark.parametrize(
    ("value", "kind"), [(3, "number"), (2.5, "number"), (["x"], "list"), ({"x": 1}, "object"), (True, "bool")]
)
def test_texts_that_are_no_strings(failure: Callable[..., str], value: Any, kind: str) -> None:
    rows = toy_rows(6)
    rows[3]["text"] = value
    assert failure(rows) == f"FILE: row 4: text is a {kind}, not a string. Write it as a string, or mend these rows."


def test_half_a_character(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[1]["text"] = "smile \ud83d"
    assert failure(rows).startswith("FILE: row 2: text holds half a character (a lone surrogate, such as \\ud83d).")


def test_missing_empty_and_strange_labels(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[0]["label"], rows[1]["label"], rows[2]["label"] = None, "  ", {"x": 1}
    message = failure(rows)
    assert (
        "FILE: row 1: label is missing (null). Label these rows, or move them to a split named `unlabeled`." in message
    )
    assert "FILE: row 2: label is empty. A label is a string or an integer; mend these rows." in message
    assert "FILE: row 3: label is a dict. A label is a string or an integer" in message


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("a", 1, "row 1 holds a string, row 2 an integer (1)"),
        (1, "1", "row 1 holds an integer, row 2 a string ('1')"),
        (True, 1, "row 1 holds a boolean, row 2 an integer (1)"),
        ("a", ["a"], "row 2 holds a list, unlike the rows before"),
    ],
)
def test_mixed_label_types(failure: Callable[..., str], first: Any, second: Any, words: str) -> None:
    message = failure([{"text": "x", "label": first}, {"text": "y", "label": second}])
    assert message.startswith("FILE: column 'label' mixes types: ")
    assert words in message


def test_types_that_mix_after_many_rows(failure: Callable[..., str]) -> None:
    rows = [*toy_rows(4500), {"text": "late", "label": 3}]
    assert "row 1 holds a string, row 4501 an integer (3). Write all labels the same way" in failure(rows)


def test_fractions_are_no_classes(failure: Callable[..., str]) -> None:
    assert "FILE: row 2: label is 2.5; a class is a string or a whole number." in failure(
        [{"text": "x", "label": 1.0}, {"text": "y", "label": 2.5}]
    )


def test_a_column_labels_without_lists(failure: Callable[..., str]) -> None:
    message = failure([{"text": "x", "labels": "a"}])
    assert message.startswith('FILE: row 1: column \'labels\' holds no list. Write a list such as ["a", "b"];')
    assert "`source.columns: {labels: label}`" in message


def test_both_label_columns(failure: Callable[..., str]) -> None:
    assert "there are both a column 'label' and a column 'labels'" in failure(
        [{"text": "x", "label": "a", "labels": ["a"]}]
    )


def test_null_within_a_list(failure: Callable[..., str]) -> None:
    assert "FILE: row 2: labels is null." in failure([{"text": "x", "labels": ["a"]}, {"text": "y", "labels": [None]}])


def test_a_column_that_starts_late(failure: Callable[..., str]) -> None:
    rows = [*({"text": row["text"]} for row in toy_rows(2500)), *toy_rows(2500)]
    assert "FILE: column 'label' first appears at row 2001 or soon after; the rows before lack it." in failure(rows)


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
        "or train with such rows. In a folder, their texts may stand in a file unlabeled, which is learned from "
        "unscored; and target.columns: {label: unread} scores none."
    )
    message = failure(toy_rows(4, (0, 1)), key="target", label_names=["b", "a"])
    assert "rows 1 and 3: label 0 is unseen in training" in message
    assert "Where integers stand for these classes, set target.label_names." in message


def test_multi_label_rows_are_found(failure: Callable[..., str]) -> None:
    rows = [{"text": "x", "labels": ["a"]}, {"text": "y", "labels": []}, {"text": "z", "labels": ["b", "q"]}]
    assert failure(rows, label_names=["a", "b"]).startswith("FILE: row 3: labels 'q' is unseen in training.")


def test_one_class_only(failure: Callable[..., str]) -> None:
    assert failure(toy_rows(20, ("a",))) == (
        "source (FILE): all 12 training rows have one class, 'a'; a classifier needs two at least. "
        "Add rows of another class, or check which column is the label (source.columns)."
    )


def test_no_label_at_all(failure: Callable[..., str]) -> None:
    assert "no row has a label in column 'labels'" in failure([{"text": f"x {row}", "labels": []} for row in range(9)])


def test_no_rows(failure: Callable[..., str], tmp_path: Path) -> None:
    assert failure([]) == "FILE: there are no rows; expected at least one with a text. Fill it or take it away."
    with pytest.raises(DataError, match="data: there are no rows"):
        corpus_from(Dataset.from_dict({"text": [], "label": []}))
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n")
    with pytest.raises(DataError, match="there are no rows"):
        load_corpus(CorpusConfig(path=str(path)))


def test_an_empty_made_split(failure: Callable[..., str]) -> None:
    assert "source (FILE): the split 'validation' would be empty: 2 rows in 2 groups" in failure(toy_rows(2))


def test_ids_are_unique(failure: Callable[..., str]) -> None:
    rows = [{"id": name, **row} for name, row in zip("abca", toy_rows(4), strict=True)]
    assert failure(rows) == (
        "Ids are repeated: 'a' (FILE row 1 and FILE row 4). Every row needs its own: mend them, or have them made by renaming "
        "the column away: `source.columns: {id: unused}`."
    )


def test_ids_may_be_integers_and_are_kept(write_rows: Callable[..., Path]) -> None:
    path = write_rows("rows.jsonl", [{"id": number, **row} for number, row in enumerate(toy_rows(20), 100)])
    corpus = load_corpus(CorpusConfig(path=str(path), split=SPLIT))
    assert sorted(name for split in corpus.splits.values() for name in split["id"]) == [str(n) for n in range(100, 120)]
    corpus = load_corpus(CorpusConfig(path=str(path), split=SPLIT, columns={"id": "unused"}))
    assert sorted(name for split in corpus.splits.values() for name in split["id"])[:3] == ["all-0", "all-1", "all-10"]


def test_problems_of_all_splits_come_together(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    train = write_rows("c/train.jsonl", [*toy_rows(4), {"text": "", "label": "a"}])
    test = tmp_path / "c/test.jsonl"
    test.write_text(json.dumps(toy_rows(1)[0]) + "\n{")
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [str(train), str(test)]


def test_extra_columns_may_hold_anything(write_rows: Callable[..., Path]) -> None:
    rows = [{**row, "meta": value} for row, value in zip(toy_rows(20), [1, "x", {"y": 2}, None] * 5, strict=True)]
    corpus = load_corpus(CorpusConfig(path=str(write_rows("rows.jsonl", rows)), split=SPLIT))
    assert corpus.splits["train"].column_names == ["id", "text", "label"]


def test_nul_characters(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[1]["text"], rows[4]["label"] = "a\0b", "a\0"
    advice = "No text has one: is the file damaged, or not text at all? Mend it, or take it out."
    assert failure(rows).splitlines() == [
        "2 problems:",
        f"  - FILE: row 2: text holds a NUL character. {advice}",
        f"  - FILE: row 5: label holds a NUL character. {advice}",
    ]


def test_half_a_character_in_labels(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[2]["label"] = rows[3]["label"] = "\ud83d"
    assert failure(rows) == (
        "FILE: rows 3 and 4: label holds half a character (a lone surrogate, such as \\ud83d). "
        "Write the character whole."
    )


def test_a_label_of_more_digits_than_python_reads(write_rows: Callable[..., Path]) -> None:
    corpus = load_corpus(CorpusConfig(path=str(write_rows("rows.jsonl", toy_rows(20, ("7" * 5000, "1")))), split=SPLIT))
    assert corpus.label_names == ["1", "7" * 5000]
