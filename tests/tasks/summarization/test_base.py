"""Both kinds of summarization share their metrics, baselines and words."""

import pytest

from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.summarization import ABSTRACTIVE, EXTRACTIVE
from nlp_transfer.tasks.summarization.base import ABSTRACTIVE_WORDING, EXTRACTIVE_WORDING
from nlp_transfer.tasks.summarization.extractive import ExtractiveSummarization, FittedExtractiveSummarization


@pytest.mark.parametrize("name", [EXTRACTIVE, ABSTRACTIVE])
def test_they_are_compared_by_rouge_with_the_same_baselines(name):
    task = TASKS[name]
    assert (task.primary_metric, task.ceiling, task.columns.kind) == ("rouge1", "oracle", "documents")
    assert task.baseline_names == ("lead", "random", "textrank", "lexrank", "oracle")


def test_the_wording_of_one_follows_from_the_other():
    assert ABSTRACTIVE_WORDING.usage == EXTRACTIVE_WORDING.usage
    assert ABSTRACTIVE_WORDING.not_for != EXTRACTIVE_WORDING.not_for


def test_scoring_needs_the_encoded_rows():
    task = FittedExtractiveSummarization(ExtractiveSummarization(), by_highlights=False)
    assert task.cut_at is None
    with pytest.raises(ValueError, match="give the encoded rows"):
        task.score([[1.0]], [[1]])


def test_runs_are_compared_by_rouge_1() -> None:
    ours = [{"reference": "red fox", "summary": "red fox"}, {"reference": "a hen", "summary": "none"}]
    theirs = [{"reference": "red fox", "summary": "red hen"}, {"reference": "a hen", "summary": "a hen"}]
    assert ExtractiveSummarization.row_scores([ours, theirs]).observed().tolist() == pytest.approx([0.5, 0.75])
