"""Find the descriptions of classes among training rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

DESCRIPTION_ID = "description: "
"""Beginning of the id of a training row that is the description of a class, whose name follows."""


def is_description(ids: Sequence[Any]) -> np.ndarray:
    """Return True for each id of a description, shape (rows,); other ids may be of any kind.

    Example:
        >>> is_description(["1", "description: tax"]).tolist()
        [False, True]
    """
    return np.array([str(one).startswith(DESCRIPTION_ID) for one in ids], dtype=bool)


def descriptions_in(train: "Dataset") -> dict[str, str]:
    """Return the descriptions among training rows by class.

    Example:
        >>> from datasets import Dataset
        >>> rows = {"id": ["1", "description: tax"], "text": ["A text.", "about taxes"]}
        >>> descriptions_in(Dataset.from_dict(rows))
        {'tax': 'about taxes'}
    """
    rows = train.select(np.flatnonzero(is_description(train["id"])))
    return {row.removeprefix(DESCRIPTION_ID): text for row, text in zip(rows["id"], rows["text"], strict=True)}
