"""Classes that cannot be learned are refused, and doubtful ones noted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nlp_transfer import CorpusConfig, load_corpus
from tests.data.conftest import SPLIT, toy_rows


def test_one_class_only(failure: Callable[..., str]) -> None:
    assert failure(toy_rows(20, ("a",))) == (
        "source (FILE): all 12 training rows have one class, 'a'; a classifier needs two at least. "
        "Check which column is the label (source.columns)."
    )


@pytest.mark.parametrize("distinct", [20, 18])
def test_labels_that_hardly_repeat_are_no_classes(failure: Callable[..., str], distinct: int) -> None:
    rows = [{"text": f"text {index}", "no": index % distinct, "kind": "ab"[index % 2]} for index in range(20)]
    assert failure(rows, columns={"no": "label"}) == (
        f"source (FILE): the label column 'no' has {distinct} different values in 20 rows: it looks like an identifier "
        "or a number, not a class. Name it: `source.columns: {kind: label}`."
    )


def test_classes_that_differ_in_case_are_noted(write_rows: Callable[..., Path]) -> None:
    def notes(*classes: str) -> list[str]:
        path = write_rows("rows.jsonl", toy_rows(20, classes))
        return [note for note in load_corpus(CorpusConfig(path=str(path), split=SPLIT)).notes if "case" in note]

    assert notes("Method", "method", "other", "Result") == [
        "Classes that differ only in case: 'Method' (5 rows) and 'method' (5 rows). Write them alike if they are one "
        "class."
    ]
    assert notes("Method", "other") == []
