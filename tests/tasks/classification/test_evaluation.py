"""A saved classifier's scores come with figures, long documents, and a test for texts of another kind."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.encoding.token_frequencies import TokenFrequencies
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Alert, Figure, Table
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.evaluation import evaluated
from nlp_transfer.tasks.reading.long_documents import LongDocuments

DECISION = Decision.plain(["red", "blue"], multi_label=False)
READING = LongDocuments(10, "truncate", "mean", 0, None)


def scored(rows: int) -> Predictions:
    labels = np.arange(rows) % 2
    logits = np.where(labels[:, None] == np.arange(2), 2.0, 0.0)
    logits[0] = logits[0][::-1]  # the first one is wrong
    return Predictions([str(i) for i in range(rows)], logits, labels, {})


def columns(lengths: list[int], read: list[int]) -> Dataset:
    return Dataset.from_dict({"text_length": lengths, "read": read, "labels": np.arange(len(lengths)) % 2})


def test_short_texts_have_scores_and_three_figures() -> None:
    made = evaluated(DECISION, READING, scored(40), columns([5] * 40, [5] * 40), TokenCoverage())
    assert made.metrics["accuracy"] == pytest.approx(39 / 40)
    (section,) = made.sections
    assert section.title == "Confidence and errors"
    captions = [block.caption for block in section.blocks if isinstance(block, Figure)]
    assert [caption.split(" of scored texts")[0].split(",")[0] for caption in captions] == [
        "Reliability",
        "Risk and coverage",
        "Length of text",
    ]
    assert next(iter(made.rows))["predicted"] == "blue"


def test_few_texts_have_no_figures() -> None:
    assert evaluated(DECISION, READING, scored(4), columns([5] * 4, [5] * 4), TokenCoverage()).sections == ()


def test_long_documents_are_scored_apart() -> None:
    made = evaluated(DECISION, READING, scored(4), columns([5, 20, 5, 20], [5, 10, 5, 10]), TokenCoverage())
    (section,) = made.sections
    tables = [block for block in section.blocks if isinstance(block, Table)]
    assert tables[0].rows == [["scored texts", "4", "2 (50%)", "60.0%"]]
    assert [row[:3] for row in tables[2].rows] == [
        ["scored texts, up to 10 tokens", "2", "0.500"],
        ["scored texts, longer", "2", "1.000"],
    ]


def test_texts_of_another_kind_void_the_promises() -> None:
    known = TokenFrequencies(40, Counter({7: 40}))
    coverage = TokenCoverage(known=known, frequencies=TokenFrequencies(40, Counter({8: 40})))
    promising = replace(DECISION, accept_from=0.5, frequencies=known)
    (section,) = evaluated(promising, READING, scored(4), columns([5] * 4, [5] * 4), coverage).sections
    (alert,) = section.blocks
    assert section.title == "Decision"
    assert isinstance(alert, Alert)
    assert alert.text.startswith("These texts differ from those that the decision was fitted on (p = ")
