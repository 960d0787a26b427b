import numpy as np
import pytest

from nlp_transfer.metrics.metric import TokenRows
from nlp_transfer.metrics.perplexity import perplexity_gain
from nlp_transfer.metrics.table import compute_scores


def test_the_mean_runs_over_tokens():
    # Two rows: 3 tokens with losses 1, 2, 3 (1 right), and 1 token with loss 6 (right): (6 + 6) / 4 = 3.
    metrics = compute_scores(TokenRows(np.array([[6.0, 3, 1], [6.0, 1, 1]])))
    assert metrics == {
        "loss": 3.0,
        "perplexity": pytest.approx(np.exp(3.0)),
        "token_accuracy": 0.5,
        "rows": 2,
        "masked_tokens": 4,
    }


def test_the_interval_holds_the_perplexity_and_closes_on_equal_rows():
    rng = np.random.default_rng(0)
    sums = np.stack([rng.uniform(1, 3, 200) * 10, np.full(200, 10.0), np.full(200, 5.0)], axis=1)
    metrics = compute_scores(TokenRows(sums, interval=True))
    assert metrics["perplexity_low"] < metrics["perplexity"] < metrics["perplexity_high"]
    # The mean of 200 uniform numbers on (1, 3) has standard error 0.577 / sqrt(200) = 0.041.
    half = np.log(metrics["perplexity_high"] / metrics["perplexity_low"]) / 2
    assert half == pytest.approx(1.96 * 0.0408, rel=0.15)
    same = compute_scores(TokenRows(np.tile([[20.0, 10, 0]], (5, 1)), interval=True))
    assert same["perplexity_low"] == same["perplexity_high"] == pytest.approx(np.exp(2))


def test_no_masked_token_is_an_error():
    with pytest.raises(ValueError, match="needs at least one masked token"):
        compute_scores(TokenRows(np.zeros((3, 3))))


def test_the_difference_is_paired():
    # Rows differ much (loss 1 to 3) and the models little (0.1): only pairing tells them apart.
    losses = np.random.default_rng(0).uniform(1, 3, 200)
    ours, theirs = (np.stack([10 * side, np.full(200, 10.0), np.zeros(200)], axis=1) for side in (losses, losses + 0.1))
    ours[0, 1] = theirs[0, 1] = ours[0, 0] = theirs[0, 0] = 0  # a row without a mask
    gain = perplexity_gain(ours, theirs)
    first, second = (compute_scores(TokenRows(side, interval=True)) for side in (ours, theirs))
    assert first["perplexity_high"] > second["perplexity_low"]
    difference = first["perplexity"] - second["perplexity"]
    assert gain["perplexity_gain_low"] < difference < gain["perplexity_gain_high"] < 0
    assert perplexity_gain(ours, ours) == {"perplexity_gain_low": 0.0, "perplexity_gain_high": 0.0}
