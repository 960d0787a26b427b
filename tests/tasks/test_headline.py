"""The sentence that sums up a split."""

from nlp_transfer.metrics.table import METRICS
from nlp_transfer.tasks import AbstractiveSummarization, MaskedLanguageModeling, SequenceClassification
from nlp_transfer.tasks.headline import interval_text


def test_the_best_baseline_stands_in_the_headline():
    scores = {"rows": 1200, "macro_f1": 0.75, "accuracy": 0.8, "macro_f1_low": 0.7, "macro_f1_high": 0.8}
    others = {"majority": {"macro_f1": 0.25}, "tfidf_svm": {"macro_f1": 0.5}}
    assert SequenceClassification.headline("source test", scores, others) == (
        "On 1,200 rows of source test its macro-F1 is 0.750 (95 % interval 0.700 to 0.800) and its accuracy 0.800; that "
        "macro-F1 is 25.0 points above the best baseline, tfidf_svm (0.500)."
    )


def test_the_oracle_is_no_baseline_to_beat():
    scores = {"rows": 3, "rouge1": 0.5}
    others = {
        "lead": {"rouge1": 0.4, "rouge1_gain_low": 0.05, "rouge1_gain_high": 0.15},
        "oracle": {"rouge1": 0.9},
    }
    assert AbstractiveSummarization.headline("source test", scores, others) == (
        "On 3 documents of source test its ROUGE-1 is 0.500; that ROUGE-1 is 10.0 points above the best baseline, lead "
        "(0.400; on the same documents +5.0 to +15.0); the oracle has 0.900."
    )


def test_a_perplexity_is_compared_with_that_before_training():
    scores = {"masked_tokens": 5000, "perplexity": 12.0}
    assert MaskedLanguageModeling.headline("target unlabeled", scores, {"before training": {"perplexity": 20.0}}) == (
        "On 5,000 masked tokens of target unlabeled its perplexity is 12.00; 20.00 before training."
    )


def test_an_interval_that_is_not_known_is_left_out():
    assert interval_text(METRICS["macro_f1"], {"macro_f1": 0.5}) == ""
