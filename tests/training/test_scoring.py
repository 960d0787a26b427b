"""Which splits are scored, and predictions in the rows' order."""

from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.training.scoring import predict, scored_splits


@pytest.mark.parametrize(
    ("domain", "splits", "scored"),
    [
        ("source", ["train", "validation", "test"], ["validation", "test"]),
        ("target", ["train", "validation", "test", "unlabeled"], ["test"]),
        ("target", ["train", "unlabeled"], ["unlabeled"]),
        ("target", ["train", "validation"], ["train", "validation"]),
    ],
)
def test_splits_that_were_not_learned_from(domain, splits, scored):
    assert scored_splits(domain, dict.fromkeys(splits)) == scored


def test_predictions_come_in_the_rows_order_though_computed_by_length():
    rows = Dataset.from_dict({"length": [3, 1, 2], "value": [30, 10, 20]})
    seen = []

    def compute(dataset):
        seen.extend(dataset["length"])
        values = np.array(dataset["value"])
        return SimpleNamespace(predictions=(values, "states"), label_ids=values + 1)

    logits, labels = predict(SimpleNamespace(predict=compute), rows)
    assert seen == [1, 2, 3]
    assert (logits.tolist(), labels.tolist()) == ([30, 10, 20], [31, 11, 21])
