"""Numbers of corpora, and lines of predictions."""

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.errors import DataError
from nlp_transfer.tasks.regression.values import prediction_rows, value_array, value_names


def test_names_have_the_order_of_the_source():
    rows = Dataset.from_list([{"values": {"a": 1.0, "b": 2.0}}, {"values": {"a": 3.0, "b": 4.0}}])
    assert value_names(rows) == ["a", "b"]
    names = value_names(rows, ["b", "a"], "a corpus")
    assert value_array(rows, names).tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert value_names(Dataset.from_list([{"text": "x"}])) == []


def test_a_single_number_may_be_called_otherwise_but_several_may_not():
    assert value_names(Dataset.from_list([{"values": {"cost": 1.0}}]), ["price"]) == ["cost"]
    rows = Dataset.from_list([{"values": {"a": 1.0, "c": 2.0}}])
    with pytest.raises(DataError, match=r"^Bills has the numbers a, c; expected a, b, as in the source\."):
        value_names(rows, ["a", "b"], "Bills")


def test_lines_of_predictions():
    made, truth = np.array([[1.5]]), np.array([[2.0]])
    expected = {"id": "x", "reference": 2.0, "predicted": 1.5, "low": 1.0, "high": 2.0}
    assert list(prediction_rows(["x"], made, truth, np.array([0.5]), ["price"])) == [expected]
    rows = list(prediction_rows(["x"], np.array([[1.5, 2.0]]), None, None, ["a", "b"]))
    assert rows == [{"id": "x", "reference": None, "predicted": {"a": 1.5, "b": 2.0}, "low": None, "high": None}]
