"""Scores of each of several source domains."""

from types import SimpleNamespace

import numpy as np
from datasets import ClassLabel, Dataset, Features

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.reporting.report import SourceScore
from nlp_transfer.reporting.sections.source_domains import scores_by_source, source_domains
from nlp_transfer.tasks.base import Predictions
from tests.reporting.sections.reports import rows_of


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
    source_only = SimpleNamespace(source_scores=(SourceScore("law", "test", 2, 0.5),))
    run = SimpleNamespace(task=task, scored={"source": scored}, rows={"source": encoded}, source_only=source_only)
    assert scores_by_source(run) == (SourceScore("law", "test", 2, 1.0), SourceScore("music", "test", 2, 0.5))
    section = source_domains(run)
    assert (section.title, section.blocks[0].columns) == ("accuracy by source", ["source", "accuracy"])
    assert rows_of(section) == {
        "law": "test 1.000 (2 rows)",
        "music": "test 0.500 (2 rows)",
        "law, source_only": "test 0.500 (2 rows)",
    }
    run.rows = {"source": {"test": rows.remove_columns(DOMAIN_COLUMN)}}
    run.scored = {"source": {"test": one}}
    assert scores_by_source(run) == ()
