"""Several labels a row in spreadsheets: columns with marks, and cells of several labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nlp_transfer import Corpus, CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.data.validation.label_lists import MarkedClasses, split_labels
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.errors import DataError

ALL = SplitConfig("stratified", validation=0, test=0)


def load(path: Path, content: str, **settings: Any) -> Corpus:
    path.write_text(content, "utf-8")
    return load_corpus(CorpusConfig(str(path), split=ALL, **settings))


def labels(corpus: Corpus) -> list[Any]:
    names = corpus.label_names
    rows = corpus.splits["train"][corpus.label_column or ""][:]
    return [[names[i] for i in row] if isinstance(row, list) else names[row] for row in rows]


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("TRUE", "FALSE"), ("yes", "no"), ("x", ""), ("1.0", "0.0")])
def test_columns_of_one_class_each(tmp_path: Path, yes: str, no: str) -> None:
    content = f"text;tax;tort\na;{yes};{no}\nb;{yes};{yes}\nc;{no};{no}\n"
    corpus = load(tmp_path / "a.csv", content, columns={"tax": "labels", "tort": "labels"})
    assert labels(corpus) == [["tax"], ["tax", "tort"], []]
    assert corpus.label_names == ["tax", "tort"] and corpus.multi_label


def test_marks_in_data_frames() -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "Tax": [True, False], "tort": [1.0, 1.0]})
    corpus = corpus_from(frame, columns={"tax": "labels", "tort": "labels"}, split=ALL)
    assert labels(corpus) == [["tax", "tort"], ["tort"]]
    assert "Column 'Tax' is read as 'tax'." in corpus.notes


def test_one_class_a_row(tmp_path: Path) -> None:
    columns = {"tax": "label", "tort": "label"}
    assert labels(load(tmp_path / "a.csv", "text,tax,tort\na,1,0\nb,0,1\n", columns=columns)) == ["tax", "tort"]
    with pytest.raises(DataError) as caught:
        load(tmp_path / "b.csv", "text,tax,tort\na,1,0\nb,1,1\n", columns=columns)
    assert str(caught.value) == (
        f"{tmp_path / 'b.csv'}: row 3: 2 of the columns tax, tort are marked. Mark one, or rename these columns to `labels`."
    )


def test_marks_that_are_none(failure: Callable[..., str]) -> None:
    columns = {"tax": "labels", "tort": "labels"}
    rows = [{"text": "a", "tax": 1, "tort": 0}, {"text": "b", "tax": "2", "tort": 1}]
    assert failure(rows, columns=columns) == "FILE: row 2: tax is '2', no mark of a class. Write 0 or 1."
    rows[1]["tax"] = None
    assert failure(rows, columns=columns) == (
        "FILE: row 2: a column of tax, tort is empty, while row 1 has 0. Write 0 or 1 in each row."
    )
    assert "Unknown column 'tort'" in failure([{"text": "a", "tax": 1}], columns=columns)


def test_marks_of_several_batches() -> None:
    marked = MarkedClasses(RowErrors("a.csv"), ["a", "b"])
    assert marked.labels({"a": [1], "b": [0]}, 1) == [["a"]]
    with pytest.raises(DataError, match="row 2: a column of a, b is empty, while row 1 has 0"):
        marked.labels({"a": [float("nan")], "b": [1]}, 2)


@pytest.mark.parametrize("column", ["label", "labels"])
def test_cells_of_several_labels(tmp_path: Path, column: str) -> None:
    corpus = load(tmp_path / "a.csv", f"text,{column}\na,tax; tort\nb,tort;\nc,\nd,tort;tort\n", label_separator=";")
    assert corpus.label_column == "labels"
    assert labels(corpus) == [["tax", "tort"], ["tort"], [], ["tort"]]


def test_split_labels_keeps_what_is_no_string() -> None:
    assert split_labels(["a|b", None, ["c"], 3], "|") == [["a", "b"], None, ["c"], 3]


def test_classes_that_are_none_or_several_are_noted(tmp_path: Path) -> None:
    columns = {"tax": "labels", "tort": "labels"}
    corpus = load(tmp_path / "a.csv", "text,tax,tort\na,1,0\nb,0,0\n", columns=columns)
    assert corpus.label_names == ["tax"]
    assert "No row is marked in 'tort': there is no such class." in corpus.notes
    corpus = load(tmp_path / "b.csv", "text,label\na,tax\nb,tax; tort\n")
    assert (
        "Classes such as 'tax; tort' look like several labels a text: set source.label_separator: ';'." in corpus.notes
    )
