"""Summaries that repeat a training summary; their length, and the place of what they take."""

from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.tasks.summarization.sections import repeated_summaries, summary_sections
from nlp_transfer.tasks.summarization.summaries import ExtractedSummary, GeneratedSummary


def test_words_are_compared_not_spelling():
    known = {tuple(plain_words("The Court dismissed it."))}
    documents = [
        GeneratedSummary("1", "text", [(0, 4)], "Other words.", "the court dismissed it"),
        GeneratedSummary("2", "text", [(0, 4)], "The court dismissed it!", "It was dismissed."),
    ]
    assert repeated_summaries(documents, known) == (1, 1)
    bare = [GeneratedSummary("1", "text", [(0, 4)], None, "no")]
    assert repeated_summaries(bare, known) == (0, None)


def test_length_and_place_of_extracts():
    text = "One two. Three. Four five six. Seven."
    spans = [(0, 8), (9, 15), (16, 30), (31, 37)]
    documents = [
        ExtractedSummary("1", text, spans, "A b.", [1.0, 0.0, 0.0, 0.0], [0], [0, 1, 0, 0]),
        ExtractedSummary("2", text, spans, None, [0.0, 0.0, 1.0, 0.0], [2], None),
    ]
    ((length, place),) = (one.blocks for one in summary_sections({"source test": documents}))
    assert length.alt == "Length of summaries of source test, median in words: model 2.5, reference 2"
    assert length.chart.lines["model"][0] == [2, 0.02] and length.chart.lines["model"][-1] == [3, 1.0]
    assert place.chart.lines["model"] == [[(n + 0.5) / 10, 0.5 if n in (0, 5) else 0.0] for n in range(10)]
    assert place.chart.lines["labels"][2] == [0.25, 1.0]


def test_written_summaries_have_no_place():
    (section,) = summary_sections({"w": [GeneratedSummary("1", "text", [(0, 4)], None, "no")]})
    assert [one.alt for one in section.blocks] == ["Length of summaries of w, median in words: model 1"]
    assert summary_sections({"w": []}) == ()
