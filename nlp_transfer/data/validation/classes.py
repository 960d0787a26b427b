"""Check that labels are classes that can be learned."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from nlp_transfer.data.corpus import class_names
from nlp_transfer.data.source import RowBatch
from nlp_transfer.data.splits.splitting import class_counts
from nlp_transfer.data.validation.column_spec import ColumnSpec
from nlp_transfer.errors import DataError

_MIN_ROWS = 20  # number of rows from which labels that are all different are no classes
_DISTINCT_SHARE = 0.9
_MAX_LISTED = 5


def check_repeated_labels(splits: Iterable[Dataset], wanted: ColumnSpec, first: RowBatch) -> None:
    """Raise `DataError` if nearly all labels differ, as identifiers and measured numbers do.

    Args:
        splits: rows with their labels in the column `label`, if they have one label each.
        first: the first rows, with all columns.
    """
    labels = [split.data.column("label") for split in splits if "label" in split.column_names]
    rows = sum(map(len, labels))
    distinct = len(pc.unique(pa.chunked_array([chunk for values in labels for chunk in values.chunks], pa.string())))
    if rows >= _MIN_ROWS and distinct >= _DISTINCT_SHARE * rows:
        column = next(theirs for theirs, ours in wanted.theirs().items() if ours == "label")
        raise DataError(
            f"{wanted.key}: the label column {column!r} has {distinct:,} different values in {rows:,} rows: it looks "
            f"like an identifier or a number, not a class. {wanted.label_advice(first)}"
        )


def case_notes(splits: Iterable[Dataset]) -> list[str]:
    """Return a note on the classes whose names differ only in upper and lower case."""
    labelled = [split for split in splits if class_names(split)]
    groups: dict[str, list[str]] = {}
    for name in class_names(labelled[0]) if labelled else []:
        groups.setdefault(name.casefold(), []).append(name)
    alike = [names for names in groups.values() if len(names) > 1]
    if not alike:
        return []
    counts = dict(zip(class_names(labelled[0]), np.sum([*map(class_counts, labelled)], axis=0), strict=True))
    listed = [" and ".join(f"{name!r} ({counts[name]:,} rows)" for name in names) for names in alike[:_MAX_LISTED]]
    more = "; …" if len(alike) > _MAX_LISTED else ""
    return [f"Classes that differ only in case: {'; '.join(listed)}{more}. Write them alike if they are one class."]


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
