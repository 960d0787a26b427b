"""Each sentence of a summary goes to the part of its document that it is about."""

from nlp_transfer.metrics.summary_alignment import assign_sentences


def test_by_hand():
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
