"""Long documents: the share of tokens that is read, and the scores of short and long ones apart."""

from dataclasses import replace
from typing import Any

import numpy as np
from datasets import Dataset

from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Figure, Table, Text
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.length_section import length_section
from nlp_transfer.tasks.reading.long_documents import LongDocuments

DECISION = Decision.plain(["red", "blue"], multi_label=False)
READING = LongDocuments(10, "truncate", "mean", 0, None)


def rows(lengths: list[int], read: list[int], labels: list[int]) -> Dataset:
    cut = [a < b for a, b in zip(read, lengths, strict=True)]
    return Dataset.from_dict({"text_length": lengths, "read": read, "truncated": cut, "labels": labels})


ENCODED: Any = {
    "source": {
        "train": rows([4, 40, 10, 6], [4, 10, 10, 6], [0, 1, 1, 0]),
        "test": rows([5, 20, 9, 30], [5, 10, 9, 10], [0, 1, 1, 0]),
    }
}
LOGITS = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 3.0], [0.0, 1.0]])
PREDICTIONS = {"source": {"test": Predictions(list("abcd"), LOGITS, np.array([0, 1, 1, 0]), {})}}


def test_shares_and_scores_by_hand() -> None:
    section = length_section(READING, DECISION, PREDICTIONS, ENCODED)
    assert section is not None
    text, by_split, figure, by_class, scores = section.blocks
    assert isinstance(text, Text) and "are cut. `task.long_documents: windows` reads all of them." in text.markdown
    assert isinstance(by_split, Table) and isinstance(by_class, Table) and isinstance(scores, Table)
    assert by_split.rows == [["source train", "4", "1 (25%)", "50.0%"], ["source test", "4", "2 (50%)", "53.1%"]]
    assert by_class.columns[1:] == ["source train", "source test"]
    assert by_class.rows == [["red", "100.0% of 2", "42.9% of 2"], ["blue", "40.0% of 2", "65.5% of 2"]]
    assert isinstance(figure, Figure) and figure.alt == "Tokens read: source train 50.0%, source test 53.1%"
    assert [row[:4] for row in scores.rows] == [
        ["source test, up to 10 tokens", "2", "1.000", "1.000"],
        ["source test, longer", "2", "0.500", "0.333"],
    ]


def test_baselines_are_scored_on_the_same_documents() -> None:
    reading = LongDocuments(10, "windows", "max", 0, 4)
    answers = {"first_window": np.array([0, 1, 1, 0]), "majority": np.zeros(4, int)}
    baselines = {name: {"source": {"test": predicted}} for name, predicted in answers.items()}
    section = length_section(reading, DECISION, PREDICTIONS, ENCODED, baselines)
    assert section is not None
    table, text = section.blocks[-2:]
    assert isinstance(table, Table) and isinstance(text, Text)
    assert table.columns == ["documents", "rows", "accuracy", "macro-F1", "95 %", "first_window"]
    assert [row[-1] for row in table.rows] == ["1.000", "1.000"]
    assert text.markdown.endswith("or all windows that are read, at most 4 (all_windows).")


def test_classes_with_an_order_are_scored_by_kappa() -> None:
    ordered = replace(DECISION, ordered=True)
    answers = {"tfidf_svm": np.array([0, 1, 1, 0]), "median": np.zeros(4, int)}
    baselines = {name: {"source": {"test": predicted}} for name, predicted in answers.items()}
    section = length_section(READING, ordered, PREDICTIONS, ENCODED, baselines)
    assert section is not None
    table = section.blocks[-1]
    assert isinstance(table, Table)
    assert table.columns == ["documents", "rows", "accuracy", "quadratic kappa", "95 %", "tfidf_svm"]
    # Long ones: blue as blue and red as blue, which is what chance gives.
    assert [(row[3], row[5]) for row in table.rows] == [("1.000", "1.000"), ("0.000", "1.000")]


def test_windows_are_named_and_nothing_is_drawn_where_all_is_read() -> None:
    reading = LongDocuments(10, "windows", "max", 0, None)
    whole = {"source": {"train": rows([4, 40], [4, 40], [0, 1])}}
    section = length_section(reading, DECISION, {}, whole)
    assert section is not None
    assert [type(block) for block in section.blocks] == [Text, Table]
    assert isinstance(section.blocks[0], Text)
    assert "windows of 10 tokens, and the windows' logits are pooled by max" in section.blocks[0].markdown


def test_short_texts_have_no_section() -> None:
    assert length_section(READING, DECISION, {}, {"source": {"train": rows([4, 10], [4, 10], [0, 1])}}) is None
