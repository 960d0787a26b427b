"""Score a split with every metric in `METRICS` that is defined for its rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, bootstrap_interval
from nlp_transfer.metrics.metric import ClassificationRows, Extract, SummaryRows, TokenRows
from nlp_transfer.metrics.table import compute_scores


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
        references: the same for the truth.
        label_names: the classes, in the order of their ids.
        multi_label: which of the two shapes is meant.
        bootstrap_samples: resamples for the 95 % interval of macro-F1; 0 leaves it out.

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
        low, high = bootstrap_interval(predictions, references, "macro_f1", samples=bootstrap_samples)
        scores |= {"macro_f1_low": low, "macro_f1_high": high}
    return scores


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


def summary_metrics(
    summaries: Sequence[Sequence[str]],
    documents: Sequence[str],
    references: Sequence[Sequence[str]] | None,
    extracts: Sequence[Extract] | None = None,
    *,
    interval: bool = False,
    checked: bool = False,
    bertscore: Path | None = None,
) -> dict[str, Any]:
    """Return all metrics of summaries.

    Args:
        summaries: the sentences of each.
        documents: the text that each summarises.
        references: the sentences of each reference; None without references.
        extracts: selected sentences, for extracts with known labels.
        interval: add `…_low` and `…_high` of ROUGE and of the sentences' F1.
        checked: count the numbers, dates, amounts and citations that the document lacks; pointless for extracts.
        bertscore: folder of an encoder for `bertscore` (see `bert_scores`).

    Returns:
        `rows`; with references `rouge1`, `rouge2`, `rougeL`, `rougeLsum` (F, with stems); with extracts `precision`,
        `recall`, `f1` and `average_precision` of sentences; `words`, `compression` (words over the document's),
        `novel_bigrams` (share of word pairs that the document lacks) and `repetition` (share of repeated trigrams); if
        checked, `unsupported` (items that the document lacks), and by kind `unsupported_number` and so on.

    Raises:
        DataError: there are no summaries.
    """
    if not len(summaries):
        raise DataError("Nothing to score: got no summaries. Is the split empty?")
    return compute_scores(SummaryRows(summaries, documents, references, extracts, interval, checked, bertscore))
