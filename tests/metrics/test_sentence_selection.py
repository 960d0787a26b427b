"""What is taken within a budget, and what greedy ROUGE takes."""

import pytest

from nlp_transfer.metrics.rouge import rouge_scores
from nlp_transfer.metrics.sentence_selection import SummaryLength, assign_sentences, greedy_oracle, select_sentences

SENTENCES = ["one two", "three four five", "six", "seven eight nine ten"]


def chosen(scores: list[float], unit: str, size: float, sentences: list[str] = SENTENCES, block: bool = False):
    return select_sentences(scores, sentences, SummaryLength(unit, size), block_trigrams=block)


@pytest.mark.parametrize(
    ("unit", "size", "expected"),
    [
        ("sentences", 2, [1, 3]),
        ("sentences", 9, [0, 1, 2, 3]),
        ("words", 4, [3]),
        ("words", 5, [2, 3]),  # the second best, of three words, does not fit, nor the third, of two
        ("words", 7, [1, 3]),
        ("words", 3, [1]),  # the best, of four words, does not fit
        ("words", 0.5, [3]),  # none does
        ("characters", 24, [2, 3]),
        ("share", 0.5, [2, 3]),  # of ten words
        ("share", 1.0, [0, 1, 2, 3]),
    ],
)
def test_the_best_that_fit_in_the_documents_order(unit, size, expected):
    assert chosen([0.2, 0.8, 0.1, 0.9], unit, size) == expected


def test_equal_scores_go_by_their_order():
    assert chosen([0.5] * 4, "sentences", 2) == [0, 1]


def test_without_sentences_there_is_nothing_to_take():
    assert chosen([], "sentences", 2, []) == []
    assert chosen([], "share", 0.5, []) == []


def test_three_words_that_were_said_are_passed_over():
    said = ["we may end this", "You: we may END it", "another thing here", "short"]
    assert chosen([4, 3, 2, 1], "sentences", 2, said, block=True) == [0, 2]
    assert chosen([4, 3, 2, 1], "sentences", 2, said, block=False) == [0, 1]
    assert chosen([1, 2, 3, 4], "sentences", 9, said, block=True) == [1, 2, 3]


def test_the_oracle_by_hand():
    sentences = ["a b x x x x", "c d", "a b", "e"]
    # "a b" and "c d" together are the reference; what else is added makes it longer.
    assert greedy_oracle(sentences, "a b c d") == [1, 2]
    assert greedy_oracle(sentences, "a b c d", SummaryLength("sentences", 1)) == [1]
    assert greedy_oracle(sentences, "nothing of it") == []
    assert greedy_oracle([], "a") == []
    assert greedy_oracle(sentences, "...") == []


def test_each_step_of_the_oracle_raises_rouge():
    sentences = ["the licensee pays a fee", "the licensor ends it", "fees are paid", "a fee is due each year"]
    summary = "The licensee pays a fee each year."
    taken = greedy_oracle(sentences, summary)
    text = " ".join(sentences[number] for number in taken)
    best = sum(rouge_scores([text], [summary])[0][kind] for kind in ("rouge1", "rouge2"))
    for other in range(len(sentences)):
        more = " ".join(sentences[number] for number in sorted({*taken, other}))
        assert sum(rouge_scores([more], [summary])[0][kind] for kind in ("rouge1", "rouge2")) <= best + 0.05


def test_the_oracle_keeps_its_budget():
    sentences = ["a b c", "d e f", "g"]
    assert greedy_oracle(sentences, "a b c d e f g", SummaryLength("words", 4)) == [0, 2]


def test_characters_of_chinese_are_words_and_six_of_them_a_repetition():
    said = ["甲方应付款。", "乙方根据本合同交付货物。", "丙方作证。", "乙方根据本合同交付。"]
    assert chosen([4, 3, 2, 1], "sentences", 4, said, block=True) == [0, 1, 2]
    assert chosen([4, 3, 2, 1], "words", 17, said) == [0, 1]


def test_sentences_belong_to_the_part_they_are_about_by_hand():
    parts = ["the tenant pays the rent", "the landlord repairs the roof", "notices are sent by mail"]
    sentences = ["Repairs of the roof.", "Rent is paid by the tenant.", "The roof.", "Mail is sent."]
    # "Repairs of the roof": 3 of 4 words and 1 of 3 pairs in the second; 1 word ("the") in the first.
    assert assign_sentences(sentences, parts) == [[1], [0, 2], [3]]


def test_pairs_decide_between_the_same_words():
    assert assign_sentences(["late fee"], ["fee for late", "a late fee"]) == [[], [0]]


def test_equal_parts_and_sentences_without_words():
    assert assign_sentences(["x y", "!"], ["x y", "x y"]) == [[0, 1], []]
    assert assign_sentences([], ["a"]) == [[]]
    assert assign_sentences(["nothing shared"], ["a", "b"]) == [[0], []]
