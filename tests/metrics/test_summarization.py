"""What is counted of summaries, by hand."""

import numpy as np
import pytest

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.metric import Extract, SummaryRows
from nlp_transfer.metrics.summarization import average_precision
from nlp_transfer.metrics.table import compute_scores

DOCUMENTS = ["a b c d. e f. g h i j", "k l m n"]


def test_length_novelty_and_repetition():
    found = compute_scores(SummaryRows([["a b", "x y z x y z"], ["k l m n"]], DOCUMENTS, None))
    assert found["rows"] == 2
    assert found["words"] == (8 + 4) / 2
    assert found["compression"] == pytest.approx((8 / 10 + 4 / 4) / 2)
    # Pairs: (a b) stands there, the five of the second sentence do not; "k l m n" is all old.
    assert found["novel_bigrams"] == pytest.approx((5 / 6 + 0) / 2)
    # Runs of three: xyz, yzx, zxy, xyz; one was there before.
    assert found["repetition"] == pytest.approx((1 / 4 + 0) / 2)
    assert "rouge1" not in found
    assert "f1" not in found


def test_references_give_rouge_with_its_interval():
    found = compute_scores(SummaryRows([["a b"], ["k l"]], DOCUMENTS, [["a b"], ["x y"]], interval=True))
    assert found["rouge1"] == 0.5
    assert (found["rouge1_low"], found["rouge1_high"]) == (0.0, 1.0)
    again = compute_scores(SummaryRows([["a b"], ["k l"]], DOCUMENTS, [["a b"], ["x y"]], interval=True))
    assert found == again
    assert "rouge1_low" not in compute_scores(SummaryRows([["a b"], ["k l"]], DOCUMENTS, [["a b"], ["x y"]]))


def test_sentences_are_counted_over_all_documents():
    extracts = [Extract([0, 1], [1, 0, 1], [3.0, 2.0, 1.0]), Extract([0], [0, 0], [1.0, 0.0])]
    found = compute_scores(SummaryRows([["a"], ["k"]], DOCUMENTS, None, extracts, interval=True))
    assert found["precision"] == pytest.approx(1 / 3)
    assert found["recall"] == pytest.approx(1 / 2)
    assert found["f1"] == pytest.approx(2 / 5)
    # Ranked by score: right, wrong, right, so (1 + 2/3) / 2; the second document has no labels to rank.
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["f1_low"] <= found["f1"] <= found["f1_high"]


def test_average_precision():
    assert average_precision([1, 2, 3], [0, 0, 1]) == 1.0
    assert average_precision([3, 2, 1], [0, 0, 1]) == pytest.approx(1 / 3)
    assert average_precision([1.0], [0]) == 0.0
    assert average_precision([5, 5], [0, 1]) == 0.5  # equal scores go by their order


def test_an_empty_summary_has_numbers():
    found = compute_scores(SummaryRows([[]], ["a b"], [["a"]]))
    assert {found[name] for name in ("rouge1", "words", "compression", "novel_bigrams", "repetition")} == {0.0}
    assert all(np.isfinite(value) for value in found.values())


def test_nothing_is_an_error():
    with pytest.raises(DataError, match="Nothing to score: got no summaries"):
        compute_scores(SummaryRows([], [], None))


def test_what_documents_lack_is_counted_when_asked_for():
    summaries = [["Rent is $500.", "The term is 2 years."], ["Nothing."]]
    documents = ["Rent is $400 for a term of 24 months.", "Nothing."]
    found = compute_scores(SummaryRows(summaries, documents, None, checked=True))
    assert found["unsupported"] == found["unsupported_money"] == 0.5
    assert found["unsupported_number"] == found["unsupported_citation"] == 0.0
    assert "unsupported" not in compute_scores(SummaryRows(summaries, documents, None))
