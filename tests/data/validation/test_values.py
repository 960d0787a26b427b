"""Numbers are read from one column or several; what is no number is an error by its row."""

import json

import pandas as pd
import pytest

from nlp_transfer import CorpusConfig, corpus_from, load_corpus
from nlp_transfer.errors import ConfigError, DataError

TEXTS = ["a first report", "a second report", "a third report"]


def corpus(columns=None, **values):
    return corpus_from({"test": pd.DataFrame({"text": TEXTS, **values})}, kind="numbers", columns=columns)


def test_one_number_keeps_the_name_of_its_column():
    split = corpus(value=[1, 2.5, -3e4]).splits["test"]
    assert split["values"][:] == [{"value": 1.0}, {"value": 2.5}, {"value": -30000.0}]
    assert corpus({"price": "value"}, price=["1", " 2.5 ", "1e3"]).splits["test"]["values"][2] == {"price": 1000.0}


def test_several_columns_are_numbers_by_name():
    columns = {"price": "value", "days": "value"}
    split = corpus(columns, price=[1, 2, 3], days=[4, 5, 6]).splits["test"]
    assert split["values"][:] == [{"price": 1.0, "days": 4.0}, {"price": 2.0, "days": 5.0}, {"price": 3.0, "days": 6.0}]
    assert corpus({"days": "value"}, days=[4, 5, 6]).label_names == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("1,234", r"row 2: value is '1,234', no finite number\. Write a plain number such as 1234\.5"),
        ("12 EUR", r"row 2: value is '12 EUR', no finite number"),
        ("nan", r"row 2: value is 'nan', no finite number"),
        ("inf", r"row 2: value is 'inf', no finite number"),
        ("", r"row 2: value is missing\."),
        (None, r"row 2: value is missing\."),
        (True, r"row 2: value is True, no finite number"),
        ([1], r"row 2: value is \[1\], no finite number"),
    ],
)
def test_what_is_no_number_is_named_with_its_row(value, problem):
    with pytest.raises(DataError, match=problem):
        corpus(value=["1", value, "3"])


def test_rows_without_numbers_are_unlabelled(tmp_path):
    assert corpus().splits["test"].column_names == ["id", "text"]
    (tmp_path / "a.csv").write_text("text,price,days\none text,1.5,2\nother text,2.5,3\n")
    columns = {"price": "value", "days": "value"}
    made = load_corpus(CorpusConfig(str(tmp_path / "a.csv"), columns=columns), kind="numbers", trains=False)
    assert made.splits["test"]["values"][0] == {"price": 1.5, "days": 2.0}


def test_a_number_that_some_rows_lack_is_missing_there(tmp_path):
    rows = [{"text": f"text {i}", "price": i, **({"days": 1} if i < 3000 else {})} for i in range(6000)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    columns = {"price": "value", "days": "value"}
    with pytest.raises(DataError, match=r"days is missing"):
        load_corpus(CorpusConfig(str(tmp_path / "a.jsonl"), columns=columns), kind="numbers", trains=False)


def test_many_bad_numbers_are_one_problem():
    frame = pd.DataFrame({"text": [f"text {i}" for i in range(50)], "value": [f"{i},5" for i in range(50)]})
    with pytest.raises(DataError) as error:
        corpus_from({"test": frame}, kind="numbers")
    (problem,) = error.value.problems
    assert "value is '0,5' or '1,5' or '2,5' or …, no finite number. Write a plain number" in problem


def test_names_of_classes_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("text,value\none text,1\nother text,2\n")
    with pytest.raises(ConfigError, match=r"^source\.label_names names classes, and the rows of this task have none\."):
        load_corpus(CorpusConfig(str(tmp_path / "a.csv"), label_names=["a", "b"]), kind="numbers")
