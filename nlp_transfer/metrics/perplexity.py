"""Perplexity, exp(mean loss over masked tokens), and accuracy of masked-language modelling.

Perplexities compare only models with one vocabulary and on the same masks.
"""

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
        rng = np.random.default_rng(rows.seed)
        draws = (sums[rng.integers(len(sums), size=len(sums)), :2].sum(axis=0) for _ in range(BOOTSTRAP_SAMPLES))
        low, high = np.exp(percentile_interval([loss / tokens for loss, tokens in draws if tokens]))
        scores |= {"perplexity_low": float(low), "perplexity_high": float(high)}
    return scores
