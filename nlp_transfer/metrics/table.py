"""List every metric: one line a metric in `METRICS`, in the order of columns in tables.

The libraries that compute them are loaded on use, so that the names are known at once.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any

from nlp_transfer.metrics.metric import (
    UNDEFINED,
    ClassificationRows,
    EntityRows,
    Metric,
    OrdinalRows,
    ProbabilityRows,
    RegressionRows,
    SummaryRows,
    TargetRows,
    TokenRows,
    WeightedRows,
    percent,
    perplexity,
)


def _evaluate(rows: ClassificationRows) -> dict[str, Any]:
    from nlp_transfer.metrics.classification import ClassificationScores

    metric = ClassificationScores(rows.label_names, multi_label=rows.multi_label)
    return metric.compute(predictions=rows.predictions, references=rows.references)


def _lazy(module: str, name: str, rows: Any) -> dict[str, Any]:
    scores: dict[str, Any] = getattr(import_module(f"nlp_transfer.metrics.{module}"), name)(rows)
    return scores


_PROBABILITIES = partial(_lazy, "probability_scores", "probability_scores")
_ORDER = partial(_lazy, "ordinal", "ordinal_scores")
_NUMBERS = partial(_lazy, "regression", "regression_scores")
_TOKENS = partial(_lazy, "perplexity", "token_scores")
_SUMMARIES = partial(_lazy, "summarization", "summary_scores")
_ENTITIES = partial(_lazy, "entities", "entity_scores")
_TARGETS = partial(_lazy, "model_selection", "target_scores")
_WEIGHTED = partial(_lazy, "model_selection", "weighted_scores")


def _classes(name: str, title: str, greater_is_better: bool | None = True, **fields: Any) -> Metric:
    return Metric(name, greater_is_better, _evaluate, ClassificationRows, title, **fields)


def _probability(name: str, title: str, greater_is_better: bool | None, group: str = "", **fields: Any) -> Metric:
    heading = (group, title)
    fields = {"table": 1, "has_interval": True, "in_terminal": fields.get("table", 1) != 1, **fields}
    return Metric(name, greater_is_better, _PROBABILITIES, ProbabilityRows, title, heading, **fields)


def _summary(name: str, title: str, greater_is_better: bool | None, heading: Any = None, **fields: Any) -> Metric:
    return Metric(name, greater_is_better, _SUMMARIES, SummaryRows, title, heading, **fields)


def _entity(name: str, title: str, heading: Any = None, **fields: Any) -> Metric:
    return Metric(name, True, _ENTITIES, EntityRows, title, heading, **fields)


def _count(score: float | None) -> str:
    return f"{score or 0.0:.2f}"  # of an extract nothing is counted: its sentences are the document's


def _two_decimals(score: float | None) -> str:
    return UNDEFINED if score is None else f"{score:.2f}"


def _words(score: float | None) -> str:
    return f"{score:.0f}"


def _ordinal(name: str, title: str, greater_is_better: bool) -> Metric:
    fields: dict[str, Any] = {"has_interval": True, "logged": True, "compared": True, "table": -1}
    return Metric(name, greater_is_better, _ORDER, OrdinalRows, title, ("", title), **fields)


def _numbers(name: str, title: str, greater_is_better: bool | None, **fields: Any) -> Metric:
    fields = {"heading": ("", title), "has_interval": True, **fields}
    return Metric(name, greater_is_better, _NUMBERS, RegressionRows, title, **fields)


def _plain(score: float | None) -> str:
    return UNDEFINED if score is None else f"{score:.4g}"


_LISTED = (
    _ordinal("quadratic_kappa", "quadratic kappa", True),
    _ordinal("mae_in_classes", "MAE in classes", False),
    _classes("accuracy", "accuracy", heading=("", "accuracy"), logged=True, compared=True),
    _classes("exact_match", "exact match", heading=("", "exact match"), logged=True, replaces="accuracy"),
    _classes("hamming_loss", "Hamming loss", False),
    _classes("macro_precision", "macro precision", heading=("macro", "P")),
    _classes("macro_recall", "macro recall", heading=("macro", "R")),
    _classes("macro_f1", "macro-F1", heading=("macro", "F1"), has_interval=True, logged=True, compared=True),
    _classes("micro_precision", "micro precision"),
    _classes("micro_recall", "micro recall"),
    _classes("micro_f1", "micro-F1", heading=("micro", "F1"), logged=True),
    _classes("weighted_precision", "weighted precision"),
    _classes("weighted_recall", "weighted recall"),
    _classes("weighted_f1", "weighted F1", heading=("weighted", "F1")),
    _classes("matthews", "Matthews correlation"),
    _classes("macro_f1_with_none", "macro-F1 with no label as a class"),
    _classes("micro_f1_with_none", "micro-F1 with no label as a class"),
    _classes("confusion_matrix", "confusion matrix", None),
    _probability("ece", "ECE", False),
    _probability("brier", "Brier", False),
    _probability("nll", "NLL", False),
    _probability("aurc", "AURC", False),
    _probability("accepted", "share", None, "accepted", table=2, requires="accepted"),
    _probability("accepted_precision", "precision", True, "accepted", table=2, requires="accepted"),
    _probability("coverage", "coverage", None, "sets", table=3, requires="coverage"),
    _probability("set_size", "size", None, "sets", table=3, format=_two_decimals, requires="coverage"),
    _probability("cost", "as predicted", False, "cost a text", table=4, format=_two_decimals, requires="cost"),
    _probability("plain_cost", "without costs", False, "cost a text", table=4, format=_two_decimals, requires="cost"),
    Metric(
        "perplexity", False, _TOKENS, TokenRows, "perplexity", ("", "perplexity"), has_interval=True, format=perplexity
    ),
    Metric("token_accuracy", True, _TOKENS, TokenRows, "tokens guessed right", ("", "tokens guessed right")),
    Metric("loss", False, _TOKENS, TokenRows, "loss", ("", "loss"), logged=True),
    _summary("rouge1", "ROUGE-1", True, ("ROUGE", "1"), has_interval=True, logged=True, compared=True),
    _summary("rouge2", "ROUGE-2", True, ("ROUGE", "2"), logged=True, compared=True),
    _summary("rougeL", "ROUGE-L", True, ("ROUGE", "L")),
    _summary("rougeLsum", "ROUGE-Lsum", True, ("ROUGE", "Lsum"), compared=True),
    _summary("bertscore", "BERTScore", None, ("", "BERTScore")),
    _summary("precision", "precision of sentences", True, ("sentences", "P"), table=1),
    _summary("recall", "recall of sentences", True, ("sentences", "R"), table=1),
    _summary("f1", "sentence F1", True, ("sentences", "F1"), table=1, has_interval=True, compared=True),
    _summary("average_precision", "sentence AP", True, ("sentences", "AP"), table=1, logged=True, compared=True),
    _summary("words", "words of a summary", None, ("length", "words"), table=1, format=_words),
    _summary("compression", "length of the text", None, ("length", "of text"), table=1, format=percent),
    _summary("repetition", "repeated", None, ("", "repeated"), table=1, format=percent),
    _summary("novel_bigrams", "new pairs", None, ("", "new pairs"), table=1, format=percent, requires="unsupported"),
    _summary("unsupported", "unsupported", None, ("", "unsupported"), table=1, format=_count),
    _entity("entity_precision", "precision of entities", ("strict", "P")),
    _entity("entity_recall", "recall of entities", ("strict", "R")),
    _entity("entity_f1", "entity F1", ("strict", "F1"), has_interval=True, logged=True, compared=True),
    _entity("entity_macro_f1", "mean entity F1 of the classes", ("strict", "macro-F1")),
    _entity("partial_f1", "F1 of overlapping entities", ("lenient", "partial")),
    _entity("type_f1", "F1 of the classes of overlapping entities", ("lenient", "class")),
    _entity("unseen_f1", "F1 of mentions not seen in training", ("", "unseen F1"), requires="unseen_f1"),
    _entity("tag_accuracy", "token accuracy", ("", "tokens"), in_terminal=False),
    replace(
        _entity("entity_ece", "calibration error of entities", ("", "ECE"), table=1, requires="entity_ece"),
        greater_is_better=False,
    ),
    replace(
        _entity("entities_accepted", "share of entities", ("accepted", "share"), table=1, requires="entities_accepted"),
        greater_is_better=None,
    ),
    _entity(
        "accepted_entity_precision",
        "precision of accepted entities",
        ("accepted", "precision"),
        table=1,
        requires="entities_accepted",
    ),
    _numbers("r2", "R²", True, logged=True, compared=True),
    _numbers("mae", "MAE", False, format=_plain, logged=True, compared=True),
    _numbers("mse", "MSE", False, format=_plain, table=1, in_terminal=False),
    _numbers("pearson", "Pearson", True, table=1, in_terminal=False),
    _numbers("spearman", "Spearman", True, table=1, in_terminal=False, compared=True),
    _numbers("interval_coverage", "inside", None, table=2, requires="interval_coverage", has_interval=False),
    _numbers("interval_width", "width", None, table=2, requires="interval_coverage", has_interval=False, format=_plain),
    Metric("target_entropy", False, _TARGETS, TargetRows, "entropy on the target"),
    Metric("target_infomax", True, _TARGETS, TargetRows, "mutual information on the target", logged=True),
    Metric("target_density", True, _TARGETS, TargetRows, "neighbourhood density on the target"),
    Metric("target_dev", False, _WEIGHTED, WeightedRows, "estimated risk on the target"),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _LISTED}
"""Every metric by name. One line a metric."""

LABEL_FREE = {name: metric for name, metric in METRICS.items() if metric.rows in (TargetRows, WeightedRows)}
"""Metrics of a target that need no labels, by their name in `training.metric_for_best_model`."""


def metrics_of(*rows: type) -> list[Metric]:
    """Return the metrics that are computed of one of these types of rows.

    Example:
        >>> [metric.name for metric in metrics_of(TokenRows)]
        ['perplexity', 'token_accuracy', 'loss']
    """
    return [metric for metric in METRICS.values() if metric.rows in rows]


def compute_scores(rows: Any) -> dict[str, Any]:
    """Compute every metric of some rows, each shared computation once.

    Args:
        rows: one of the types that metrics are computed of.

    Example:
        >>> rows = ClassificationRows([0, 1], [0, 0], ["a", "b"], multi_label=False)
        >>> compute_scores(rows)["accuracy"]
        0.5
    """
    scores: dict[str, Any] = {}
    for compute in dict.fromkeys(metric.compute for metric in metrics_of(type(rows))):
        scores |= compute(rows)
    return scores


def classification_metrics(
    predictions: Any, references: Any, label_names: Sequence[str], *, multi_label: bool, interval: bool = True
) -> dict[str, Any]:
    """Compute every metric of classified rows, with `rows` and the 95 % interval of macro-F1 if wanted.

    Args:
        predictions: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        references: the truth in the same form.
    """
    from nlp_transfer.metrics.bootstrap import bootstrap_interval

    rows = ClassificationRows(predictions, references, label_names, multi_label)
    scores: dict[str, Any] = {"rows": len(references), **compute_scores(rows)}
    for name in [metric.name for metric in metrics_of(ClassificationRows) if metric.has_interval and interval]:
        low, high = bootstrap_interval(predictions, references, name)
        scores |= {f"{name}_low": low, f"{name}_high": high}
    return scores
