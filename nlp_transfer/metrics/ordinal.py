"""Score predictions of classes with an order: quadratic kappa, and the mean distance in classes.

    kappa = 1 - sum_i (t_i - p_i)^2 / E,    E = sum_i t_i^2 + sum_i p_i^2 - 2 (sum_i t_i) (sum_i p_i) / n
    MAE   = mean_i |t_i - p_i|

E is what the squared distances would sum to if predictions knew nothing of the n references. Where it is 0, all rows
are of one class and predicted as it, and kappa counts as 0.
Reference: Cohen (1968), Weighted kappa, https://doi.org/10.1037/h0026256
"""

from typing import Any

import numpy as np

from nlp_transfer.metrics.bootstrap import bootstrap_interval, kappa_of_counts
from nlp_transfer.metrics.metric import OrdinalRows


def ordinal_scores(rows: OrdinalRows) -> dict[str, Any]:
    """Return `quadratic_kappa` and `mae_in_classes`, with the 95 % intervals `…_low` and `…_high` if wanted.

    Example:
        >>> ordinal_scores(OrdinalRows(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1])))
        {'quadratic_kappa': 0.8, 'mae_in_classes': 0.25}
    """
    predictions, references = np.asarray(rows.predictions), np.asarray(rows.references)
    once = np.ones((1, len(references)))
    scores: dict[str, Any] = {
        "quadratic_kappa": float(kappa_of_counts(references, predictions, once)[0]),
        "mae_in_classes": float(np.abs(references - predictions).mean()),
    }
    if rows.interval:
        for name in list(scores):
            low, high = bootstrap_interval(predictions, references, name)
            scores |= {f"{name}_low": low, f"{name}_high": high}
    return scores
