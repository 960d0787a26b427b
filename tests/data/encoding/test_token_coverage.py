"""Tokens that are cut off and texts that the tokenizer does not know are counted, by hand on a vocabulary of four words."""

from datasets import Dataset

from nlp_transfer.data.encoding.token_coverage import (
    TokenCoverage,
    count_coverage,
    unknown_token,
    unreadable_rows,
    unreadable_warning,
)
from nlp_transfer.data.encoding.token_frequencies import TokenFrequencies
from nlp_transfer.data.encoding.tokens import untruncated_lengths
from tests.data.encoding.test_tokens import make_tokenizer


def test_cut_and_unreadable_texts_are_counted() -> None:
    tokenizer, coverage = make_tokenizer(), TokenCoverage()
    texts = ["one two", "one two three four one", "un deux three", "one deux"]
    encoded = tokenizer(texts, truncation=True, max_length=5)
    whole = untruncated_lengths(tokenizer, texts, encoded)
    assert whole == [4, 7, 5, 4]
    coverage.add(tokenizer, list(zip("pqrs", texts, strict=True)), encoded["input_ids"], whole, [4, 5, 5, 4])
    assert coverage == TokenCoverage(texts=4, cut=1, tokens=20, unread=2, unreadable=2, example="id r ('un', 'deux')")
    assert coverage.warnings() == [
        "1 of 4 (25%) texts are longer than the model reads: 10.0% of all tokens were cut off.",
        "2 of 4 (50%) texts are unreadable: the encoder's tokenizer does not know half of their tokens or more, as in "
        "id r ('un', 'deux'). Take an encoder of their language; words of over 100 characters are unknown, too.",
    ]


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    assert unreadable_warning(1, 640, "id r ('un')").startswith("1 of 640 (0.16%) texts are unreadable: ")


def test_texts_that_are_read_whole_have_no_warning() -> None:
    tokenizer, coverage = make_tokenizer(), TokenCoverage()
    rows = [("a", "one two"), ("b", ["three", "four"])]
    count_coverage(rows, tokenizer, coverage)
    assert coverage.warnings() == []
    assert coverage.tokens == 8


def test_unreadable_rows_of_an_encoded_dataset() -> None:
    tokenizer = make_tokenizer()
    rows = [[2, 4, 5, 3], [2, 1, 1, 3], [2, 3], [2, 4, 5, 1, 3], [2, 4, 1, 3]]
    assert unreadable_rows(Dataset.from_dict({"input_ids": rows}), tokenizer).tolist() == [1, 4]
    many = Dataset.from_dict({"input_ids": [rows[0]] * 1500 + [rows[1]]})
    assert unreadable_rows(many, tokenizer).tolist() == [1500]


def test_a_tokenizer_whose_unknown_token_ends_texts_has_none() -> None:
    tokenizer = make_tokenizer()
    assert unknown_token(tokenizer) == 1
    tokenizer.unk_token = "[SEP]"
    assert unknown_token(tokenizer) is None
    assert unreadable_rows(Dataset.from_dict({"input_ids": [[2, 3, 3]]}), tokenizer).tolist() == []


def test_texts_of_another_kind_than_the_known_ones_are_reported() -> None:
    coverage = TokenCoverage(known=TokenFrequencies.of([[5, 6]] * 30))
    rows, ids = [(n, "text") for n in range(30)], [[5, 7]] * 30
    coverage.add(make_tokenizer(), rows, ids, [2] * 30, [2] * 30)
    (warning,) = coverage.warnings()
    assert warning.startswith("These 30 texts differ from those that the decision was fitted on (p = ")
    assert warning.endswith("there is no promise on this domain, neither of precision nor of coverage.")
    same = TokenCoverage(known=TokenFrequencies.of([[5, 7]] * 30))
    same.add(make_tokenizer(), rows, ids, [2] * 30, [2] * 30)
    assert same.warnings() == []


def test_few_texts_are_reported_as_not_tested() -> None:
    coverage = TokenCoverage(known=TokenFrequencies.of([[5, 6]] * 30))
    assert coverage.warnings() == []  # nothing was predicted
    coverage.add(make_tokenizer(), [(1, "text")], [[5, 7]], [2], [2])
    assert coverage.warnings() == [
        "Whether the decision's promises hold for these texts was not tested: 1 text is too few for the shift test, "
        "which takes 20."
    ]
