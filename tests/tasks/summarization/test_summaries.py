"""What was written of windows becomes one summary, whose sentences are found without capitals."""

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.tasks.summarization.summaries import (
    GeneratedSummary,
    generated_sentence_spans,
    generated_summaries,
    join_window_summaries,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (
            "the fee is due under no. 12. see 42 u.s.c. § 1983. it ends.",
            ["the fee is due under no. 12.", "see 42 u.s.c. § 1983.", "it ends."],
        ),
        ("The fee is due. It ends.", ["The fee is due.", "It ends."]),
        ("ﬁne. straße. ok", ["ﬁne.", "straße.", "ok"]),
    ],
)
def test_sentences_have_their_own_characters(text, expected):
    assert [text[first:last] for first, last in generated_sentence_spans(text)] == expected


def test_a_sentence_that_was_written_before_is_left_out():
    assert join_window_summaries(["the rent is due. pay it.", "The rent is due", "late fees apply.", ""]) == (
        "the rent is due. pay it. late fees apply."
    )
    assert join_window_summaries([]) == ""
    assert join_window_summaries(["!", "!"]) == "! !"


class Words:
    """A tokenizer of numbers."""

    backend_tokenizer = type("Backend", (), {"decoder": None})()

    def batch_decode(self, rows, skip_special_tokens):
        return [" ".join(f"w{token}" for token in row) + "." for row in rows]


def test_windows_are_put_together_in_their_order():
    rows = Dataset.from_list(
        [
            {"id": "b#2", "document": 1, "text": "", "sentence_starts": [], "summary": ""},
            {"id": "a", "document": 0, "text": "One. Two.", "sentence_starts": [], "summary": "two"},
            {"id": "b#10", "document": 1, "text": "", "sentence_starts": [], "summary": ""},
            {"id": "b", "document": 1, "text": "x\ny", "sentence_starts": [0, 2], "summary": "y"},
        ]
    )
    found = list(generated_summaries(np.array([[2, -100], [1, 1], [3, 3], [4, -100]]), rows, Words()))
    assert [one.id for one in found] == ["a", "b"]
    assert [one.written for one in found] == ["w1 w1.", "w4. w2. w3 w3."]
    assert [one.reference for one in found] == ["two", "y"]
    assert found[1].sentences == ["x", "y"]


def test_what_is_checked():
    document = GeneratedSummary(
        "a",
        "The tenant pays $950. The landlord repairs.",
        [(0, 21), (22, 43)],
        None,
        "tenant pays $900. repairs landlord.",
    )
    first, second = document.checked_sentences()
    assert (first.text, first.start, first.end, first.sources) == ("tenant pays $900.", 0, 17, [(0, 21)])
    assert (second.text, second.sources) == ("repairs landlord.", [(22, 43)])
    # "tenant", "pays" and their pair, of three words and two pairs.
    assert first.support == pytest.approx(3 / 5)
    assert second.row() == {
        "text": "repairs landlord.",
        "start": 18,
        "end": 35,
        "support": 0.6667,
        "sources": [{"start": 22, "end": 43}],
    }
    assert [(flag.kind, flag.text, flag.start, flag.end) for flag in document.flags()] == [("money", "$900", 12, 16)]
