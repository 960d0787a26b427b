"""ROUGE is Google's on English text, and counts words of other scripts, too."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.rouge import rouge_scores
from nlp_transfer.metrics.tokenization import ROUGE

PAIRS = [
    ("The cat sat on the mat.", "A cat was sitting on mats."),
    ("Licensees may copy\nand distribute copies", "You may copy it.\nDistribution of copies is allowed"),
    ("U.S.C. § 101(a)(ii), No. 12-345", "section 101 of 12 345"),
]


def test_by_hand() -> None:
    # 3 of 4 words are shared of both sides, 2 of 3 pairs, and "a b c" is the longest common subsequence.
    scores = rouge_scores(["a b c x"], ["a b c y"])[0]
    assert scores == pytest.approx({"rouge1": 3 / 4, "rouge2": 2 / 3, "rougeL": 3 / 4, "rougeLsum": 3 / 4})


def test_it_is_googles_with_its_stemmer() -> None:
    google = RougeScorer(list(ROUGE), use_stemmer=True)
    for prediction, reference in PAIRS:
        expected = {kind: score.fmeasure for kind, score in google.score(reference, prediction).items()}
        assert rouge_scores([prediction], [reference])[0] == pytest.approx(expected, abs=1e-12)


def test_what_cannot_be_scored() -> None:
    assert rouge_scores(["..."], ["a"])[0]["rouge1"] == 0.0
    with pytest.raises(DataError, match="Nothing to score: ROUGE needs at least one summary"):
        rouge_scores([], [])
    with pytest.raises(ValueError, match="Got 2 summaries for 1 references"):
        rouge_scores(["a", "b"], ["a"])
