"""What is collected of a finished training."""

from types import SimpleNamespace

from nlp_transfer.reporting.run_results import RunResults, prediction_rows
from nlp_transfer.tasks.blocks import Alert, Section, Text


def test_the_alerts_of_findings_are_the_warnings():
    findings = (Section("a", (Text("x"), Alert("one"))), Section("b", (Alert("two"),)))
    assert RunResults(findings=findings).warnings == ("one", "two")


def test_lines_name_their_split_and_domain():
    run = SimpleNamespace(
        task=SimpleNamespace(rows=lambda one, rows: ({"id": f"{one}{row}"} for row in rows)),
        scored={"source": {"test": "s"}, "target": {"train": "t"}},
        rows={"source": {"test": [1, 2]}, "target": {"train": [3]}},
    )
    assert list(prediction_rows(run)) == [
        {"id": "s1", "split": "test", "domain": "source"},
        {"id": "s2", "split": "test", "domain": "source"},
        {"id": "t3", "split": "train", "domain": "target"},
    ]
