"""The labels of encoded rows: their column, and the rows that have one."""

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from datasets import Dataset

LABEL_COLUMNS = ("labels", "label", "label_ids")
"""The columns that transformers takes for labels; its collators make `labels` of them."""


def label_column(dataset: "Dataset") -> str | None:
    """Return the column with the rows' labels; None where they have none."""
    return next((name for name in LABEL_COLUMNS if name in dataset.column_names), None)


def without_labels(dataset: "Dataset") -> "Dataset":
    """Return the rows without labels, for methods that must not see them."""
    names = [name for name in dataset.column_names if name in LABEL_COLUMNS]
    return dataset.remove_columns(names) if names else dataset


def has_label(labels: Tensor) -> Tensor:
    """Return which rows have a label, bool, shape (rows,).

    Args:
        labels: class ids, or 0 and 1 for each label; negative for rows without.

    Example:
        >>> import torch
        >>> has_label(torch.tensor([2, -100, 0]))
        tensor([ True, False,  True])
    """
    return labels.reshape(len(labels), -1)[:, 0] >= 0
