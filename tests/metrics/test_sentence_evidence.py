"""What the sentences of a summary rest on."""

import time

import pytest

from nlp_transfer.metrics.sentence_evidence import Support, sentence_support
from nlp_transfer.metrics.sentence_selection import SummaryLength, greedy_oracle

SENTENCES = [
    "The tenant pays rent each month.",
    "The landlord repairs the roof.",
    "Nobody may keep pets.",
    "Rent rises by two percent a year.",
]


def test_a_copied_sentence_rests_on_itself():
    assert sentence_support([SENTENCES[2]], SENTENCES) == [Support([2], 1.0)]


def test_the_score_by_hand():
    # Of a, b, x and the pairs (a b), (b x) stand a, b and (a b) there.
    assert sentence_support(["a b x"], ["c d", "a b"]) == [Support([1], 3 / 5)]
    # Each counts as often as it occurs: one "a" of two, and neither pair.
    assert sentence_support(["a a"], ["a"]) == [Support([0], 1 / 3)]


def test_one_sentence_may_rest_on_several():
    (found,) = sentence_support(["The tenant pays rent each month and nobody may keep pets."], SENTENCES)
    assert found.sources == [0, 2]
    # Of 11 words and 10 pairs all but "and" and its two pairs.
    assert found.score == pytest.approx(18 / 21)


def test_words_count_by_their_stems():
    (found,) = sentence_support(["repairing roofs"], SENTENCES)
    assert found.sources == [1]
    assert found.score == pytest.approx(2 / 3)


def test_a_sentence_has_three_sources_at_most():
    parts = ["a b", "c d", "e f", "g h"]
    assert sentence_support(["a b c d e f g h"], parts)[0].sources == [0, 1, 2]


def test_without_shared_words_there_are_no_sources():
    nothing = Support([], 0.0)
    assert sentence_support(["xyzzy"], SENTENCES) == [nothing]
    assert sentence_support(["", "..."], SENTENCES) == [nothing, nothing]
    assert sentence_support(["a"], []) == [nothing]
    assert sentence_support(["a"], ["", "..."]) == [nothing]
    assert sentence_support([], SENTENCES) == []


def test_the_sources_are_the_oracles():
    summary = "Rent is paid each month and rises by two percent."
    assert sentence_support([summary], SENTENCES)[0].sources == greedy_oracle(
        SENTENCES, summary, SummaryLength("sentences", 3)
    )


def test_any_script():
    assert sentence_support(["甲方应付款"], ["乙方交付货物。", "甲方应付款。"]) == [Support([1], 1.0)]


def test_a_long_document_takes_little_time_a_sentence():
    words = [f"w{number}" for number in range(400)]
    sentences = [" ".join(words[(7 * row + step * (row % 13 + 1)) % 400] for step in range(25)) for row in range(5000)]
    start = time.perf_counter()
    found = sentence_support(sentences[::500], sentences)
    assert time.perf_counter() - start < 20
    assert all(one.score == 1.0 for one in found)
