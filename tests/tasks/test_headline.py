"""The sentence that sums up a split."""

import pytest

from nlp_transfer.metrics.table import METRICS
from nlp_transfer.tasks import AbstractiveSummarization, MaskedLanguageModeling, SequenceClassification
from nlp_transfer.tasks.headline import below_on_validation, interval_text


def headline(low, high, ours=0.75, rows=1200):
    scores = {"rows": rows, "macro_f1": ours, "accuracy": 0.8, "macro_f1_low": 0.7, "macro_f1_high": 0.8}
    svm = {"macro_f1": 0.5, "macro_f1_gain_low": low, "macro_f1_gain_high": high}
    return SequenceClassification.headline("source test", scores, {"majority": {"macro_f1": 0.25}, "tfidf_svm": svm})


def test_a_lead_is_one_where_the_interval_of_the_difference_excludes_0():
    assert headline(0.2, 0.3) == (
        "On 1,200 rows of source test the model's macro-F1 is 0.750 (95 % interval 0.700 to 0.800) and its accuracy 0.800. "
        "This macro-F1 is 25.0 points above the best baseline, tfidf_svm (0.500; 95 % interval of the difference +20.0 "
        "to +30.0)."
    )
    assert headline(-0.3, -0.2, ours=0.25).endswith(
        " This macro-F1 is 25.0 points BELOW the best baseline, tfidf_svm (0.500; 95 % interval of the difference "
        "-30.0 to -20.0)."
    )


@pytest.mark.parametrize(("low", "high"), [(-0.02, 0.05), (0.0, 0.0), (-0.05, 0.0), (0.0, 0.05)])
def test_no_lead_where_the_interval_holds_0(low, high):
    assert headline(low, high, ours=0.534).endswith(
        " There is no clear difference from the best baseline, tfidf_svm (0.500): +3.4 points, 95 % interval of the "
        f"difference {100 * low:+.1f} to {100 * high:+.1f}."
    )


def test_few_rows_make_no_lead():
    assert headline(0.2, 0.3, rows=29).endswith(
        " 29 rows are too few to tell it apart from the best baseline, tfidf_svm (0.500): +25.0 points, 95 % interval "
        "of the difference +20.0 to +30.0."
    )
    assert "too few" not in headline(0.2, 0.3, rows=30)
    loss = headline(-0.3, -0.2, ours=0.25, rows=29)  # which they can show
    assert loss.endswith(
        "25.0 points BELOW the best baseline, tfidf_svm (0.500; 95 % interval of the difference -30.0 to -20.0)."
    )


def test_few_rows_are_said_without_an_interval_too():
    scores = {"rows": 12, "macro_f1": 0.75, "accuracy": 0.8}
    assert SequenceClassification.headline("source test", scores, {"tfidf_svm": {"macro_f1": 0.5}}).endswith(
        "; the interval of the difference is not known. 12 rows are too few to tell systems apart."
    )


def test_no_lead_without_an_interval():
    scores = {"rows": 1200, "macro_f1": 0.75, "accuracy": 0.8}
    assert SequenceClassification.headline("source test", scores, {"tfidf_svm": {"macro_f1": 0.5}}).endswith(
        " The best baseline, tfidf_svm, has 0.500; the interval of the difference is not known."
    )


@pytest.mark.parametrize(
    ("low", "high", "rows", "below"), [(-0.3, -0.1, 80, True), (-0.3, 0.1, 80, False), (-0.3, -0.1, 8, True)]
)
def test_a_model_below_its_baseline_on_validation(low, high, rows, below):
    svm = {"macro_f1": 0.75, "macro_f1_gain_low": low, "macro_f1_gain_high": high}
    systems = {"model": {"macro_f1": 0.61, "rows": rows}, "majority": {"macro_f1": 0.2}, "tfidf_svm": svm}
    expected = "On source validation it is 14.0 points BELOW tfidf_svm (0.750): do not count on its score on test."
    metric, model = METRICS["macro_f1"], {"model": systems["model"]}

    def sentences(validation, test):
        return list(below_on_validation(metric, "source validation", validation, test))

    assert sentences(systems, model) == [expected] * below
    assert sentences(systems, systems) == []  # as the sentence on test says
    assert sentences(model, model) == sentences({}, model) == []


def test_the_oracle_is_no_baseline_to_beat():
    scores = {"rows": 40, "rouge1": 0.5}
    others = {
        "lead": {"rouge1": 0.4, "rouge1_gain_low": 0.05, "rouge1_gain_high": 0.15},
        "oracle": {"rouge1": 0.9},
    }
    assert AbstractiveSummarization.headline("source test", scores, others) == (
        "On 40 documents of source test the model's ROUGE-1 is 0.500; the oracle has 0.900. This ROUGE-1 is 10.0 points above the "
        "best baseline, lead (0.400; 95 % interval of the difference +5.0 to +15.0)."
    )


def test_a_perplexity_is_compared_with_that_before_training():
    scores = {"masked_tokens": 5000, "perplexity": 12.0}
    assert MaskedLanguageModeling.headline("target unlabeled", scores, {"before training": {"perplexity": 20.0}}) == (
        "On 5,000 masked tokens of target unlabeled the model's perplexity is 12.00; 20.00 before training."
    )


def test_an_interval_that_is_not_known_is_left_out():
    assert interval_text(METRICS["macro_f1"], {"macro_f1": 0.5}) == ""
