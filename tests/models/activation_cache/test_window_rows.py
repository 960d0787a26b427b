"""The windows of documents, read as rows."""

import numpy as np
from datasets import Dataset

from nlp_transfer.models.activation_cache.window_rows import WINDOW_IDS, WindowRows, network_rows, window_edges


def test_windows_of_documents_by_hand() -> None:
    dataset = Dataset.from_dict(
        {
            "input_ids": [[2, 7, 8, 3, 2, 8, 9, 3], [2, 3]],
            WINDOW_IDS: [[-1, 1, 1, -1, -2, -2, 2, -2], [-1, -1]],
            "labels": [4, 5],
        }
    )
    rows = network_rows(dataset)
    assert isinstance(rows, WindowRows)
    assert len(rows) == 3
    assert rows.documents.tolist() == [0, 0, 1]
    assert rows.counts.tolist() == [2, 1, 0]
    made = [rows[number] for number in range(3)]
    assert [row["input_ids"].tolist() for row in made] == [[2, 7, 8, 3], [2, 8, 9, 3], [2, 3]]
    assert [row["attention_mask"].tolist() for row in made] == [[1] * 4, [1] * 4, [1] * 2]
    assert [int(row["labels"]) for row in made] == [4, 4, 5]


def test_other_rows_stay_as_they_are() -> None:
    dataset = Dataset.from_dict({"input_ids": [[1]]})
    assert network_rows(dataset) is dataset
    assert network_rows([{"input_ids": [1]}]) == [{"input_ids": [1]}]


def test_edges_of_a_row_that_begins_with_a_later_window() -> None:
    assert window_edges(np.array([3, 3, -4])) == ([(0, 2), (2, 3)], [2, 0])
