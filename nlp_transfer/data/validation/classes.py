"""Check that the classes of a corpus can be learned."""

from datasets import Dataset

from nlp_transfer.data.corpus import class_names
from nlp_transfer.data.splits.splitting import class_counts
from nlp_transfer.errors import DataError


def check_classes(train: Dataset, key: str) -> None:
    """Raise `DataError` if training rows have fewer than two classes."""
    present = class_counts(train).nonzero()[0]
    if "label" in train.column_names and len(present) < 2:
        name = class_names(train)[present[0]]
        raise DataError(
            f"{key}: all {len(train):,} training rows have one class, {name!r}; a classifier needs two at least. "
            f"Check which column is the label ({key}.columns)."
        )
    if not len(present):
        raise DataError(f"{key}: no training row has a label in column 'labels'; there is nothing to learn.")
