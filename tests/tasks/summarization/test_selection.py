"""Sentences are selected within a length, whose faults are named."""

import pytest

from nlp_transfer.metrics.sentence_selection import SummaryLength
from nlp_transfer.tasks.summarization.selection import Selection, length_problems, oracle_labels

SENTENCES = ["The fee is due today.", "The fee is due tomorrow.", "It rained."]


def test_repeated_trigrams_are_skipped_unless_allowed():
    assert Selection(SummaryLength("sentences", 2)).select([3, 2, 1], SENTENCES) == [0, 2]
    assert Selection(SummaryLength("sentences", 2), block_trigrams=False).select([3, 2, 1], SENTENCES) == [0, 1]


@pytest.mark.parametrize(
    ("unit", "size", "problems"),
    [
        ("words", 50, []),
        ("share", 0.2, []),
        ("share", 2, ["task.length is 2; a share is above 0 and at most 1, such as 0.2."]),
        ("words", 2.5, ["task.length is 2.5; expected a whole number of words, 1 or more."]),
    ],
)
def test_a_length_fits_its_unit(unit, size, problems):
    assert length_problems(unit, size, "task.") == problems


def test_an_unknown_unit_is_named():
    (problem,) = length_problems("word", 3, "--")
    assert problem.startswith("--length_unit: Unknown value 'word'. Did you mean 'words'?")


def test_labels_follow_the_summary():
    assert oracle_labels(SENTENCES, "It rained.") == [0, 0, 1]
