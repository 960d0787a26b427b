"""Perplexity, exp(mean loss over masked tokens), and accuracy of masked-language modelling.

Perplexities compare only models with one vocabulary and on the same masks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, percentile_interval
from nlp_transfer.metrics.metric import TokenRows


def token_scores(rows: TokenRows) -> dict[str, Any]:
    """Compute the metrics of masked tokens; raises ValueError where no token is masked."""
    sums = np.asarray(rows.sums, dtype=np.float64)
    loss, tokens, right = sums.sum(axis=0)
    if not tokens:
        raise ValueError("Perplexity needs at least one masked token; the rows have none.")
    scores: dict[str, Any] = {
        "loss": float(loss / tokens),
        "perplexity": float(np.exp(loss / tokens)),
        "token_accuracy": float(right / tokens),
        "rows": len(sums),
        "masked_tokens": int(tokens),
    }
    if rows.interval:
        low, high = percentile_interval(list(_resampled(sums, rows.seed)))
        scores |= {"perplexity_low": low, "perplexity_high": high}
    return scores


def perplexity_gain(ours: np.ndarray, theirs: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Return the 95 % bootstrap interval of the difference ours - theirs, of two models on the same masks.

    Args:
        ours: see `TokenRows`; so for `theirs`, whose rows are the same.
        seed: of the resamples, which are the same for both.

    Example:
        >>> perplexity_gain(np.array([[0.0, 2, 2]]), np.array([[2.0, 2, 0]]))
        {'perplexity_gain_low': -1.718281828459045, 'perplexity_gain_high': -1.718281828459045}
    """
    first, second = (np.fromiter(_resampled(sums.astype(np.float64), seed), float) for sums in (ours, theirs))
    low, high = percentile_interval(first - second)
    return {"perplexity_gain_low": low, "perplexity_gain_high": high}


def _resampled(sums: np.ndarray, seed: int) -> Iterator[float]:
    """Yield the perplexity of each resample of rows that has a masked token."""
    rng = np.random.default_rng(seed)
    for _ in range(BOOTSTRAP_SAMPLES):
        loss, tokens = sums[rng.integers(len(sums), size=len(sums)), :2].sum(axis=0)
        if tokens:
            yield float(np.exp(loss / tokens))
