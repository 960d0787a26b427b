"""Texts about pair regression show how pairs are given."""

from nlp_transfer.tasks.pair_regression.wording import WORDING


def test_usage_gives_both_texts():
    usage = WORDING.usage.format(model="runs/ratings/model")
    assert 'predict({"text": "A document.", "text_pair": "A summary of it."}, top_k=None)' in usage
    assert WORDING.unit == "pairs"
