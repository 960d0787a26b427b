"""The report has what transductive inference would make of the scored texts."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Table, Text
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.sequence_classification.transduction import MIN_TEXTS, transductive_logits
from nlp_transfer.tasks.sequence_classification.transduction_section import transduction_section

DECISION = Decision.plain(["red", "blue"], multi_label=False)
TEXTS = [f"{words} {day}" for day in range(MIN_TEXTS // 2) for words in ("fine weather", "heavy rain")]
LABELS = np.array([0, 1] * (MIN_TEXTS // 2))
LOGITS = np.random.default_rng(0).normal(size=(MIN_TEXTS, 2)) + np.array([[1, -1], [-1, 1]] * (MIN_TEXTS // 2))


def corpora(*names: str) -> Any:
    return {
        name: SimpleNamespace(splits={split: {"text": TEXTS} for split in ("validation", "test")}) for name in names
    }


def made(labels: np.ndarray | None = LABELS, rows: int = MIN_TEXTS) -> Predictions:
    return Predictions([str(i) for i in range(rows)], LOGITS[:rows], labels, {})


def test_each_split_has_its_scores_with_and_without() -> None:
    predictions = {"source": {"validation": made(), "test": made(None)}, "target": {"test": made()}}
    section = transduction_section(DECISION, corpora("source", "target"), predictions)
    assert section is not None
    text, table = section.blocks
    assert isinstance(text, Text) and isinstance(table, Table)
    assert section.title == "Transductive inference" and "No label is read." in text.markdown
    before, after = LOGITS.argmax(1), transductive_logits(TEXTS, LOGITS).argmax(1)
    changed = f"{(before != after).mean():.1%}"
    assert table.rows[0] == ["source test", "500", changed, "", "", ""]
    scores = [f"{f1_score(LABELS, chosen, average='macro'):.3f}" for chosen in (before, after)]
    assert table.rows[1][:5] == ["target test", "500", changed, *scores]
    assert scores[1] > "0.98" and scores[0] < "0.95"
    gain, low, high = (float(one) for one in re.findall(r"[+-][\d.]+", table.rows[1][5]))
    assert 0 < low < gain < high and gain == pytest.approx(float(scores[1]) - float(scores[0]), abs=1.1e-3)


def test_few_texts_validation_and_other_decisions_have_no_section() -> None:
    few = {"source": {"validation": made(), "test": made(LABELS[:-1], MIN_TEXTS - 1)}}
    assert transduction_section(DECISION, corpora("source"), few) is None
    enough = {"source": {"test": made()}}
    assert transduction_section(DECISION, corpora("source"), enough) is not None
    assert transduction_section(replace(DECISION, accept_from=0.9), corpora("source"), enough) is None
    assert transduction_section(replace(DECISION, multi_label=True), corpora("source"), enough) is None
