"""A saved classifier's scores come with figures."""

import numpy as np
import pytest

from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Figure
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.evaluation import evaluated

DECISION = Decision.plain(["red", "blue"], multi_label=False)


def scored(rows: int) -> Predictions:
    labels = np.arange(rows) % 2
    logits = np.where(labels[:, None] == np.arange(2), 2.0, 0.0)
    logits[0] = logits[0][::-1]  # the first one is wrong
    return Predictions([str(i) for i in range(rows)], logits, labels, {})


@pytest.mark.parametrize(("lengths", "more"), [(np.full(40, 5), ["Length"]), (None, [])])
def test_rows_have_scores_and_figures(lengths: np.ndarray | None, more: list[str]) -> None:
    made = evaluated(DECISION, scored(40), "scored texts", lengths)
    assert made.metrics["accuracy"] == pytest.approx(39 / 40)
    (section,) = made.sections
    assert section.title == "Confidence and errors"
    captions = [block.caption for block in section.blocks if isinstance(block, Figure)]
    found = [caption.split(" of scored texts")[0].split(",")[0] for caption in captions]
    assert found == ["Reliability", "Risk and coverage", *more]
    assert next(iter(made.rows))["predicted"] == "blue"


def test_few_rows_have_no_figures() -> None:
    assert evaluated(DECISION, scored(4), "scored texts").sections == ()
