"""Summaries that repeat a training summary."""

from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.tasks.summarization.generated_summaries import GeneratedSummary
from nlp_transfer.tasks.summarization.sections import repeated_summaries


def test_words_are_compared_not_spelling():
    known = {tuple(plain_words("The Court dismissed it."))}
    documents = [
        GeneratedSummary("1", "text", [(0, 4)], "the court dismissed it", "Other words."),
        GeneratedSummary("2", "text", [(0, 4)], "It was dismissed.", "The court dismissed it!"),
    ]
    assert repeated_summaries(documents, known) == (1, 1)
    bare = [GeneratedSummary("1", "text", [(0, 4)], "no", None)]
    assert repeated_summaries(bare, known) == (0, None)
