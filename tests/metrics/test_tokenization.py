"""Words in any script."""

import pytest

from nlp_transfer.metrics.rouge import rouge_scores
from nlp_transfer.metrics.tokenization import concatenate_sentences, ngrams, plain_words, rouge_words


@pytest.mark.parametrize("text", ["Гражданский кодекс", "müssen Käufer zahlen", "これは文です", "قانون العمل"])
def test_other_scripts_have_words(text: str) -> None:
    assert rouge_scores([text], [text])[0]["rouge1"] == 1.0


def test_words() -> None:
    assert plain_words("The Buyer's fee_1 (2.5 %)") == ["the", "buyer", "s", "fee", "1", "2", "5"]
    assert plain_words("法律です") == ["法", "律", "で", "す"]
    assert rouge_words("licenses müssen the") == ["licens", "müssen", "the"]
    assert ngrams(["a", "b", "c"], 2) == [("a", "b"), ("b", "c")]
    assert ngrams(["a"], 2) == []


def test_sentences_as_one_text():
    assert concatenate_sentences(["One\n two.", "Three."]) == "One two. Three."
    assert concatenate_sentences(["これは文です。", "次。", "End."]) == "これは文です。次。End."
    assert concatenate_sentences([]) == ""
