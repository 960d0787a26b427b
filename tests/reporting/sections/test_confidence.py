"""The figures of a classifier's predictions, and its surest errors where they are asked for."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from nlp_transfer import corpus_from
from nlp_transfer.data.corpus import Corpus, SplitConfig
from nlp_transfer.reporting.sections.confidence import confidence, worst_errors
from nlp_transfer.tasks import Regression, SequenceClassification
from nlp_transfer.tasks.base import Predictions

ROWS = 24
GIVEN = SplitConfig(method="given", validation=0.0, test=0.0)


@pytest.fixture
def run():
    texts = [f"secret text {number} {'x' * (600 if number == 1 else 0)}" for number in range(ROWS)]
    columns = {"text": Value("string"), "label": ClassLabel(names=["no", "yes"])}
    train = Dataset.from_dict({"text": texts, "label": [n % 2 for n in range(ROWS)]}, features=Features(columns))
    corpus = Corpus("texts", {"train": train}, (), "f00d")
    task = SequenceClassification().fit(corpus)
    labels = np.arange(ROWS) % 2
    logits = np.zeros((ROWS, 2))
    logits[np.arange(ROWS), labels] = 1.0
    logits[1] = [4.0, 0.0]  # the surest error
    logits[2] = [0.0, 2.0]
    scored = Predictions([str(n) for n in range(ROWS)], logits, labels, task.score(logits, labels))
    rows = Dataset.from_dict({"text_length": list(range(1, ROWS + 1)), "labels": labels.tolist()})
    return SimpleNamespace(
        experiment=SimpleNamespace(report_examples=0),
        task=task,
        scored={"source": {"validation": scored, "test": scored}},
        rows={"source": {"test": rows}},
        encoded={"source": {"train": rows}},
        corpora={"source": SimpleNamespace(splits={"test": corpus.splits["train"]})},
    )


def test_figures_of_the_test_split(run):
    made = confidence(run)
    assert [one.alt.split(":")[0].split(",")[0] for one in made.blocks] == [
        "Reliability diagram of source test",
        "Risk and coverage of source test",
        "Share right by length",
        "F1 by class frequency in training",
    ]
    assert made.blocks[3].chart.notes == {"no": "12", "yes": "12"}
    assert "secret" not in str(made)


def test_few_rows_have_no_figure(run):
    run.scored = {"source": {"test": Predictions(["a"], np.zeros((1, 2)), np.zeros(1, dtype=int), {})}}
    assert confidence(run) is None


def test_texts_stand_in_a_report_only_where_they_are_asked_for(run):
    assert worst_errors(run) is None
    run.experiment.report_examples = 1
    text, table = worst_errors(run).blocks
    assert text.markdown == "source test: 1 of 2 wrong predictions, by confidence"
    ((shown, *rest),) = table.rows
    assert shown.startswith("secret text 1 xxx") and shown.endswith("x…") and len(shown) == 500
    assert rest == ["yes", "no", "0.982"]
    run.experiment.report_examples = 20
    assert [row[1:3] for row in worst_errors(run).blocks[1].rows] == [["yes", "no"], ["no", "yes"]]


def test_numbers_that_are_farthest_off_are_shown():
    rows = [{"text": f"text {n}", "cost": 100.0 * n, "days": float(n % 2)} for n in range(4)]
    columns = {"cost": "value", "days": "value"}
    corpus = corpus_from({"train": pd.DataFrame(rows)}, columns=columns, split=GIVEN, kind="numbers")
    task, labels = Regression().fit(corpus), np.array([[100.0 * n, n % 2] for n in range(4)])
    task.calibrate(None, None)  # predictions are in their units
    made = labels.copy()
    made[2, 0] += 111.8  # a deviation of the training rows, in one of two numbers
    made[3, 1] += 0.1
    scored = {"source": {"test": Predictions(list("abcd"), made, labels, {})}}
    run = SimpleNamespace(
        experiment=SimpleNamespace(report_examples=1),
        task=task,
        scored=scored,
        rows={"source": {"test": corpus.splits["train"]}},
        corpora={"source": SimpleNamespace(splits={"test": corpus.splits["train"]})},
    )
    text, table = worst_errors(run).blocks
    assert text.markdown == "source test: 1 of 2 predictions, by deviations off"
    assert table.columns == ["text", "true", "predicted", "deviations off"]
    assert table.rows == [["text 2", "cost 200, days 0", "cost 311.8, days 0", "0.500"]]
    assert confidence(run) is None
