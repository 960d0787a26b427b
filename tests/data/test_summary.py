"""A corpus in a few lines."""

import pandas as pd
from datasets import Dataset

from nlp_transfer import corpus_from
from nlp_transfer.data.summary import describe


def test_description_for_people() -> None:
    rows = {"text": ["one", "two words", "three words here", "and four more words"], "label": ["a", "b", "a", "b"]}
    corpus = corpus_from(
        {
            "train": Dataset.from_dict(rows),
            "dev": Dataset.from_dict(rows),
            "unlabeled": Dataset.from_dict({"text": ["x"]}),
        }
    )
    lines = describe(corpus)
    assert lines[0] == f"datasets.Dataset (fingerprint {corpus.fingerprint[:12]})"
    assert lines[1:7] == [
        "train: 4 rows, median 2 words",
        "validation: 4 rows, median 2 words",
        "unlabeled: 1 rows, median 1 words",
        "2 classes (one a row), with their rows in train / validation:",
        "  a: 2 / 2",
        "  b: 2 / 2",
    ]
    assert "validation: 4 of 4 texts are exact copies of training texts." in lines


def test_entities_are_counted_by_class() -> None:
    frame = pd.DataFrame(
        {"text": ["take Zoxa", "Zoxa or Zoxa"], "spans": [[[5, 9, "DRUG"]], [[0, 4, "DRUG"], [8, 12, "DRUG"]]]}
    )
    lines = describe(corpus_from({"train": frame, "dev": frame}, kind="entities"))
    assert lines[3:5] == ["1 class (of entities), with their number in train / validation:", "  DRUG: 3 / 3"]
