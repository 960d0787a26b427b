"""Find the descriptions of classes among training rows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset

DESCRIPTION_ID = "description: "
"""Beginning of the id of a training row that is the description of a class, whose name follows."""


def descriptions_in(train: "Dataset") -> dict[str, str]:
    """Return the descriptions among training rows by class.

    Example:
        >>> rows = {"id": ["1", "description: tax"], "text": ["A text.", "about taxes"]}
        >>> descriptions_in(Dataset.from_dict(rows))
        {'tax': 'about taxes'}
    """
    places = [place for place, row in enumerate(train["id"]) if row.startswith(DESCRIPTION_ID)]
    rows = train.select(places)
    return {row.removeprefix(DESCRIPTION_ID): text for row, text in zip(rows["id"], rows["text"], strict=True)}
