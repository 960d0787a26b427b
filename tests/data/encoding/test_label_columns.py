"""The labels of encoded rows."""

import torch
from datasets import Dataset

from nlp_transfer.data.encoding.label_columns import has_label, label_column, without_labels


def test_the_column_with_labels_is_found_and_left_out():
    rows = Dataset.from_dict({"input_ids": [[1], [2]], "label": [0, 1]})
    assert label_column(rows) == "label"
    assert without_labels(rows).column_names == ["input_ids"]
    assert label_column(without_labels(rows)) is None
    assert without_labels(without_labels(rows)).column_names == ["input_ids"]


def test_rows_without_a_label_have_negatives():
    assert has_label(torch.tensor([1, -100, 0])).tolist() == [True, False, True]
    assert has_label(torch.tensor([[1, 0], [-1, -1]])).tolist() == [True, False]
