"""Perplexity and accuracy of masked-language modelling.

    loss = mean over masked tokens of -log p(token)        perplexity = exp(loss)        accuracy = share correct

The mean is over tokens, not over rows or batches. Perplexities compare only models with one vocabulary and on the same
masks.
"""

from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES
from nlp_transfer.metrics.metric import TokenRows
from nlp_transfer.metrics.table import compute_scores


def perplexity_metrics(sums: np.ndarray, *, interval: bool = False, seed: int = 0) -> dict[str, Any]:
    """Return the metrics of a split: `loss`, `perplexity`, `token_accuracy`, `rows` and `masked_tokens`.

    Args:
        sums: of each row the summed loss, the number of masked tokens, and the number of correct ones; shape (rows, 3).
        interval: add the 95 % percentile bootstrap over rows, `perplexity_low` and `perplexity_high`.
        seed: of the bootstrap.

    Raises:
        ValueError: no token is masked.

    Example:
        >>> perplexity_metrics(np.array([[0.0, 2, 2], [0.0, 2, 1]]))["token_accuracy"]
        0.75
    """
    return compute_scores(TokenRows(np.asarray(sums, dtype=np.float64), interval, seed))


def token_scores(rows: TokenRows) -> dict[str, Any]:
    """Compute the metrics of masked tokens; see `perplexity_metrics`."""
    sums = rows.sums
    loss, tokens, right = sums.sum(axis=0)
    if not tokens:
        raise ValueError("Perplexity needs at least one masked token; the rows have none.")
    found: dict[str, Any] = {
        "loss": float(loss / tokens),
        "perplexity": float(np.exp(loss / tokens)),
        "token_accuracy": float(right / tokens),
        "rows": len(sums),
        "masked_tokens": int(tokens),
    }
    if rows.interval:
        rng = np.random.default_rng(rows.seed)
        draws = (sums[rng.integers(len(sums), size=len(sums)), :2].sum(axis=0) for _ in range(BOOTSTRAP_SAMPLES))
        low, high = np.exp(np.quantile([loss / tokens for loss, tokens in draws if tokens], (0.025, 0.975)))
        found |= {"perplexity_low": float(low), "perplexity_high": float(high)}
    return found
