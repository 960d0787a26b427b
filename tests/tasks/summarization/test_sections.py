"""Summaries that repeat a training summary."""

from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.tasks.summarization.sections import repeated_summaries
from nlp_transfer.tasks.summarization.summaries import GeneratedSummary


def test_words_are_compared_not_spelling():
    known = {tuple(plain_words("The Court dismissed it."))}
    documents = [
        GeneratedSummary("1", "text", [(0, 4)], "Other words.", "the court dismissed it"),
        GeneratedSummary("2", "text", [(0, 4)], "The court dismissed it!", "It was dismissed."),
    ]
    assert repeated_summaries(documents, known) == (1, 1)
    bare = [GeneratedSummary("1", "text", [(0, 4)], None, "no")]
    assert repeated_summaries(bare, known) == (0, None)
