"""Score the classified rows of a split with every metric in `METRICS` that is defined for them."""

from collections.abc import Sequence
from typing import Any

from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, bootstrap_interval
from nlp_transfer.metrics.metric import ClassificationRows
from nlp_transfer.metrics.table import compute_scores, metrics_of


def classification_metrics(
    predictions: Any,
    references: Any,
    label_names: Sequence[str],
    *,
    multi_label: bool,
    bootstrap_samples: int = BOOTSTRAP_SAMPLES,
) -> dict[str, Any]:
    """Compute every classification metric of one split, as plain Python numbers.

    Args:
        predictions: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        bootstrap_samples: resamples for the 95 % interval of macro-F1; 0 makes none.

    Returns:
        `rows`, `accuracy`, `macro_f1` and the others by name, `macro_f1_low` and `macro_f1_high`,
        `per_class` {name: {precision, recall, f1, support}}, and `confusion_matrix`.

    Raises:
        DataError: no rows.
        ValueError: see `check_rows`.
    """
    rows = ClassificationRows(predictions, references, label_names, multi_label)
    scores: dict[str, Any] = {"rows": len(references), **compute_scores(rows)}
    if bootstrap_samples:
        for name in [metric.name for metric in metrics_of(ClassificationRows) if metric.has_interval]:
            low, high = bootstrap_interval(predictions, references, name, samples=bootstrap_samples)
            scores |= {f"{name}_low": low, f"{name}_high": high}
    return scores
