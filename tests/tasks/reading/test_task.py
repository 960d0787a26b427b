"""The settings of reading are checked for every task that reads."""

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.reading.task import ReadingTask

READING = [task for task in TASKS.values() if issubclass(task, ReadingTask)]


@pytest.mark.parametrize("task", READING, ids=lambda task: task.name)
def test_bad_values_are_named(task):
    with pytest.raises(ConfigError) as caught:
        task(max_length=2, long_documents="window", window_overlap=-1)
    found = [problem.split()[0].rstrip(":") for problem in caught.value.problems]
    assert found == ["task.max_length", "task.long_documents", "task.window_overlap"]


def test_texts_are_cut_by_default_and_pairs_are_not():
    assert {task.name: task().long_documents for task in READING} == {
        "sequence_classification": "truncate",
        "sentence_pairs": "windows",
        "pair_regression": "windows",
        "ordinal_classification": "truncate",
        "regression": "truncate",
    }
