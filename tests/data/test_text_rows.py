"""Texts to predict as Python has them: every kind of rows, their ids, and bad ones by their place."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset

from nlp_transfer.data import text_rows as module
from nlp_transfer.data.source import RawSplit, batches
from nlp_transfer.data.text_rows import BadText, TextRows, dataset_rows, row_windows, text_rows
from nlp_transfer.errors import ConfigError, DataError

TEXTS = ["first clause", "second clause"]


@pytest.mark.parametrize(
    "rows",
    [
        TEXTS,
        tuple(TEXTS),
        pd.Series(TEXTS, index=[7, 3], name="clause"),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        Dataset.from_dict({"text": TEXTS, "label": [0, 1]}),
        Dataset.from_dict({"clause": TEXTS})["clause"],
        pd.DataFrame({"text": TEXTS, "page": [3, 4]}),
        (text for text in TEXTS),
        [{"text": text} for text in TEXTS],
        list(enumerate(TEXTS)),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_every_kind_of_rows_gives_positions_and_texts(rows: Any) -> None:
    assert list(text_rows(rows)) == [(0, "first clause"), (1, "second clause")]


def test_ids_and_columns_of_the_training() -> None:
    frame = pd.DataFrame({"clause": TEXTS, "text": ["x", "y"], "number": ["a", None]})
    columns = {"clause": "text", "number": "id", "kind": "label"}
    assert list(text_rows(frame, columns=columns)) == [("a", "first clause"), (1, "second clause")]
    assert list(text_rows(Dataset.from_pandas(frame))) == [(0, "x"), (1, "y")]
    assert list(text_rows([("r", "a"), "b"])) == [("r", "a"), (1, "b")]


def test_a_document_may_be_a_list_of_sentences() -> None:
    rows = [["One.", "Two."], "Three.", ""]
    assert [text for _, text in text_rows(rows, "documents")] == rows
    assert [text for _, text in text_rows(reversed(rows), "documents")] == rows[::-1]


def test_texts_to_find_entities_in_may_be_words_or_tasks_of_label_studio() -> None:
    rows = [{"id": "a", "tokens": ["New", "York"]}, {"id": "b", "tokens": []}, {"id": "c", "tokens": [3]}]
    assert list(text_rows(rows[:1], "entities")) == [("a", "New York")]
    read = text_rows(rows, "entities")
    read.skip = True
    assert [type(text).__name__ for _, text in read] == ["str", "BadText", "BadText"]
    assert list(text_rows([{"id": 7, "data": {"body": "a text"}, "annotations": []}], "entities")) == [(7, "a text")]
    with pytest.raises(DataError, match=r"there is no column 'text'; columns found: tokens\."):
        list(text_rows([{"tokens": ["a"]}]))


def test_a_pair_is_a_tuple_of_two_texts() -> None:
    pairs = [("a clause", "a claim"), ("b clause", "b claim")]
    frame = pd.DataFrame(pairs, columns=["first", "second"])
    named = frame.rename(columns={"first": "premise"})
    for rows in (pairs, frame, Dataset.from_pandas(frame), frame.to_dict("records"), (pair for pair in pairs)):
        assert list(text_rows(rows, "pairs")) == list(enumerate(pairs))
    assert list(text_rows(named, "pairs", {"premise": "first"})) == list(enumerate(pairs))
    assert list(text_rows([("x", *pairs[0])], "pairs")) == [("x", pairs[0])]
    split = Dataset.from_dict({"id": ["x"], "text": ["a clause"], "second": ["a claim"], "label": [0]})
    assert list(dataset_rows(split)) == [("x", pairs[0])]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["a text"],
            "the list: row 1: there is no column 'second'; columns found: id, first. Expected (first, second)",
        ),
        ([("a", None)], "the list: row 1 (id 0): second is missing (null)."),
        ([("x", "a", "b", "yes")], "the list: row 1: there is no column 'second'; columns found: id, first."),
        ([("a", "b"), (2, "c")], "the list: row 2 (id 1): first is "),
        (
            pd.DataFrame({"second": ["a"]}),
            "the DataFrame: row 1: there is no column 'first'; columns found: second. Call",
        ),
    ],
)
def test_bad_pairs_are_named_by_their_place(rows: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(text_rows(rows, "pairs"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a text", "predict was given one text; expected a list of texts: predict([text])."),
        (b"a text", "predict was given one text; expected a list of texts: predict([text])."),
        (
            {"train": TEXTS},
            "predict was given a dict with 'train'; expected texts: a list, a pandas Series or DataFrame, a "
            "datasets.Dataset, a NumPy array or a generator.",
        ),
        (None, "predict was given a NoneType; expected texts: a list, "),
    ],
)
def test_what_is_no_list_of_texts_is_refused(rows: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        text_rows(rows)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a", None], "the list: row 2 (id 1): text is missing (null). Every row needs a text: mend or remove these"),
        (pd.Series(["a", None]), "the Series: row 2 (id 1): text is missing (null)."),
        (np.array(["a", np.nan], dtype=object), "the ndarray: row 2 (id 1): text is missing (null)."),
        (["a", " "], "the list: row 2 (id 1): text is empty or has no visible character."),
        ([("r", 7)], "the list: row 1 (id 'r'): text is a number, not a string."),
        ([["One.", 2]], "the list: row 1 (id 0): text is a list, not a string."),
        (
            pd.DataFrame({"clause": TEXTS}),
            "the DataFrame: row 1: there is no column 'text'; columns found: clause. Give predict the column that holds "
            "the texts: rows[NAME].",
        ),
        ([{"clause": "a"}], "the list: row 1: there is no column 'text'; columns found: clause. Expected texts, "),
    ],
)
def test_bad_texts_are_named_by_their_place(rows: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        list(text_rows(rows))
    assert str(caught.value).startswith(message)


def test_bad_texts_that_are_skipped_stay_in_their_place() -> None:
    records = enumerate([{"text": "a"}, {"text": ""}, {"text": None}, {"text": "b"}], 1)
    rows = TextRows(RawSplit("a.jsonl", lambda wanted: batches(records, wanted)), "texts")
    rows.skip = True
    assert list(rows) == [
        (0, "a"),
        (1, BadText("text is empty or has no visible character")),
        (2, BadText("text is missing (null)")),
        (3, "b"),
    ]


def test_windows_are_bounded_by_rows_and_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WINDOW_ROWS", 3)
    monkeypatch.setattr(module, "MAX_WINDOW_CHARACTERS", 10)
    rows = [(index, text) for index, text in enumerate(["a", "a", "a", "a", "b" * 10, "c"])]
    assert [len(window) for window in row_windows(rows)] == [3, 2, 1]
    assert list(row_windows([])) == []


def test_a_window_that_ends_with_a_fault_is_handed_on_first() -> None:
    def rows() -> Any:
        yield from [(0, "a"), (1, "b")]
        raise DataError("a bad row")

    handed = row_windows(rows())
    assert next(handed) == [(0, "a"), (1, "b")]
    with pytest.raises(DataError, match="a bad row"):
        next(handed)
