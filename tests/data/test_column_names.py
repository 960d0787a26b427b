"""Names of columns in other cases, and which columns hold text."""

import pyarrow as pa

from nlp_transfer.data.column_names import (
    AllColumns,
    ColumnNames,
    first_rows,
    label_column_like,
    label_suggestion,
    text_columns,
    text_suggestion,
)
from nlp_transfer.data.source import RowBatch


def sample(**columns: object) -> RowBatch:
    return first_rows([batch(**columns)])


def batch(**columns: object) -> RowBatch:
    return RowBatch(1, tuple(columns), columns)  # type: ignore[arg-type]


def test_names_match_in_any_case_if_one_does() -> None:
    names = ColumnNames(["text", "label"])
    assert " TEXT" in names and "texts" not in names
    assert names.found(["Text", "LABEL "]) == {"Text": "text", "LABEL ": "label"}
    assert names.found(["Text", "text", "Label", "LABEL"]) == {"text": "text"}
    assert names.notes(["Text ", "label"]) == ["Column 'Text ' is read as 'text'."]
    assert ColumnNames(["text", "Text"]).found(["Text", "TEXT"]) == {"Text": "Text", "TEXT": "text"}


def test_the_longest_strings_are_the_text() -> None:
    rows = sample(
        nr=["1000000000000000000000000", "2"],
        date=["2024-01-01 12:00:00.000000", "2024-01-01"],
        title=["A title of words", "Other"],
        body=pa.array(["a text of several words", None]),
        size=[100000000000, 2],
        empty=["", None],
    )
    assert text_columns(rows) == ["body", "title"] and text_columns(rows, 3) == ["body"]
    assert text_suggestion(rows, "{}") == "Name it: body."
    assert text_suggestion(batch(size=[1], empty=[None]), "{}") == "No column holds text."


def test_a_pair_is_named_whole() -> None:
    rows = batch(premise=["A man eats a meal."], hypothesis=["A man eats a very large meal."])
    assert text_suggestion(rows, "{}") == (
        "Name it: hypothesis. Text is in 'premise', too: join what belongs together."
    )


def test_labels_have_few_values() -> None:
    rows = batch(id=["1", "1", "2"], text=["a", "b", "c"], nr=[1, 2, 3], kind=["x", "y", "x"], same=["s", "s", "s"])
    assert label_column_like(rows, ("id", "text")) == "kind"
    rows = batch(nr=[1, 2, 3], tax=["TRUE", "FALSE", "TRUE"], kind=["x1", "y", "z"])
    assert label_column_like(rows, ()) == "kind"
    assert label_column_like(batch(nr=[1, 2, 3], mark=[1, 0, 1]), ()) == "mark"
    assert label_column_like(batch(text=["a", "b"]), ("text",)) == "category"


def test_strings_that_are_not_utf8_are_no_text() -> None:
    spoilt = pa.array([b"caf\xe9 au lait ici"], pa.binary()).view(pa.string())
    assert text_columns(sample(a=spoilt, b=["b"])) == ["b"]
    assert "anything" in AllColumns()


def test_columns_of_marks_are_suggested_together() -> None:
    known = ["text"]
    assert label_suggestion(sample(text=["a", "b"], tax=["0", "1"], tort=["1", "0"]), known, "source") == (
        "Name them: `source.columns: {tax: label, tort: label}`."
    )
    assert label_suggestion(sample(text=["a", "b"], tax=[0.0, 1.0], tort=[False, True]), known, "source") == (
        "Name them: `source.columns: {tax: labels, tort: labels}`."
    )
    one = sample(text=["a", "b"], tax=[0, 1], page=[3, 4])
    assert label_suggestion(one, known, "source") == "Name it: `source.columns: {tax: label}`."
    words = sample(kind=["a", "b"], signed=[0, 1], public=[1, 1])
    assert label_suggestion(words, known, "source") == "Name it: `source.columns: {kind: label}`."
    many = sample(**{f"c{number}": [0, 1] for number in range(30)})
    assert label_suggestion(many, known, "source").endswith("c19: labels, …}`.")
