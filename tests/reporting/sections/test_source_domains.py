"""Scores of each of several source domains."""

from types import SimpleNamespace

import numpy as np
from datasets import ClassLabel, Dataset, Features

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.reporting.sections.source_domains import scores_by_source
from nlp_transfer.tasks.base import Predictions


def test_each_domain_has_the_score_of_its_own_rows():
    features = Features({DOMAIN_COLUMN: ClassLabel(names=["law", "music"])})
    rows = Dataset.from_dict({DOMAIN_COLUMN: [0, 1, 1, 0]}, features=features)
    task = SimpleNamespace(
        primary_metric="accuracy",
        score=lambda logits, labels: {"accuracy": float((logits.argmax(axis=1) == labels).mean())},
    )
    one = Predictions(list("abcd"), np.eye(2)[[0, 1, 0, 0]], np.array([0, 1, 1, 0]), {})
    unlabelled = Predictions(list("abcd"), one.logits, None, {})
    scored, encoded = {"validation": unlabelled, "test": one}, {"validation": rows, "test": rows}
    assert scores_by_source(task, scored, encoded) == {"law": "test 1.000 (2 rows)", "music": "test 0.500 (2 rows)"}
    assert scores_by_source(task, {"test": one}, {"test": rows.remove_columns(DOMAIN_COLUMN)}) == {}
