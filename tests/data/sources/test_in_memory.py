"""Objects in memory."""

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

from nlp_transfer import SplitConfig, corpus_from
from nlp_transfer.errors import DataError
from tests.data.conftest import sizes, toy_rows


def test_objects_by_split() -> None:
    data = DatasetDict(train=Dataset.from_list(toy_rows(10)), test=Dataset.from_list(toy_rows(4, start=10)))
    corpus = corpus_from(data)
    assert sizes(corpus) == {"train": 8, "validation": 2, "test": 4}
    assert (
        "The source has no validation split: 2 of 10 training rows became one (near_duplicate, Jaccard similarity of "
        "5-word shingles from 0.6, seed 13)."
    ) in corpus.notes
    assert sizes(corpus_from({"train": pd.DataFrame(toy_rows(4)), "dev": Dataset.from_list(toy_rows(4, start=4))})) == {
        "train": 4,
        "validation": 4,
    }


def test_objects_with_a_misspelt_split_name() -> None:
    data = {"train": Dataset.from_list(toy_rows(4)), "Validatoin": Dataset.from_list(toy_rows(4, start=4))}
    with pytest.raises(DataError) as caught:
        corpus_from(data)
    assert str(caught.value).startswith(
        "data: Validatoin would be left out: 'Validatoin' is no split's name, and there is no validation split. Did you "
        "mean 'validation'?"
    )


def test_frames_with_missing_values_and_numpy_labels() -> None:
    frame = pd.DataFrame(toy_rows(20, (1.0, 2.0)))
    assert corpus_from(frame).label_names == ["1", "2"]
    frame.loc[3, "label"] = np.nan
    with pytest.raises(DataError, match=r"data: row 4: label is missing \(null\)"):
        corpus_from(frame)
    lists = pd.DataFrame(
        {"text": [f"t {n}" for n in range(20)], "labels": [np.array(["a", "b"][: n % 3]) for n in range(20)]}
    )
    assert corpus_from(lists, split=SplitConfig(method="stratified")).label_names == ["a", "b"]
    frame = pd.DataFrame(toy_rows(20)).astype({"label": "category"})
    assert corpus_from(frame).label_names == ["a", "b"]


def test_frames_whose_columns_are_numbers() -> None:
    frame = pd.DataFrame([(row["text"], row["label"]) for row in toy_rows(20)])
    assert corpus_from(frame, columns={"0": "text", "1": "label"}).label_names == ["a", "b"]
    with pytest.raises(DataError, match="data: there is no column 'text'; columns found: 0, 1"):
        corpus_from(frame)


def test_mixed_labels_of_a_dataset_are_found() -> None:
    dataset = Dataset.from_list([{"text": "x", "label": "a"}, {"text": "y", "label": 1}], on_mixed_types="use_json")
    assert type(dataset.features["label"]).__name__ == "Json"
    with pytest.raises(DataError, match="data: column 'label' mixes types: row 1 holds a string, row 2 an integer"):
        corpus_from(dataset)


def test_a_selected_and_formatted_dataset() -> None:
    dataset = Dataset.from_list(toy_rows(80, ("a", "x", "b", "y"))).select(range(0, 80, 2)).with_format("numpy")
    corpus = corpus_from(dataset)
    assert corpus.label_names == ["a", "b"]
    assert sizes(corpus) == {"train": 24, "validation": 6, "test": 10}


def test_objects_that_are_no_tables() -> None:
    with pytest.raises(
        DataError, match=r"data: got a builtins\.list; expected a datasets\.Dataset, a datasets\.DatasetDict"
    ):
        corpus_from([1, 2])
    with pytest.raises(
        DataError, match=r"data: none of the splits part has a known name \(train, training, validation"
    ):
        corpus_from({"part": Dataset.from_list(toy_rows(2))})
