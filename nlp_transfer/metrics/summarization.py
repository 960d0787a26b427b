"""Metrics of summaries: ROUGE, length, novelty, repetition and, for extracts, the selected sentences.

Every number is a mean over documents, except precision, recall and F1 of sentences, which are counted over all of them
together. Intervals resample documents (95 % percentile bootstrap).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.bertscore import BERTSCORE, bert_scores
from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES, percentile_interval
from nlp_transfer.metrics.factuality.unsupported import unsupported, unsupported_counts
from nlp_transfer.metrics.metric import Extract, SummaryRows
from nlp_transfer.metrics.rouge import rouge_scores
from nlp_transfer.metrics.tokenization import ROUGE, ngrams, plain_words


def summary_scores(rows: SummaryRows) -> dict[str, Any]:
    """Compute the metrics of summaries: ROUGE with references, those of sentences with extracts.

    `compression` is words over the document's, `novel_bigrams` the share of word pairs that the document lacks,
    `repetition` the share of repeated trigrams; `unsupported` the items that the document lacks.
    """
    if not len(rows.summaries):
        raise DataError("Nothing to score: got no summaries. Is the split empty?")
    means: dict[str, np.ndarray] = {}
    if rows.references is not None:
        joined = ["\n".join(sentences) for sentences in rows.summaries], ["\n".join(one) for one in rows.references]
        rouge = rouge_scores(*joined)
        means |= {kind: np.array([row[kind] for row in rouge]) for kind in ROUGE}
        if rows.bertscore is not None:
            ours, theirs = ([" ".join(sentences) for sentences in side] for side in (rows.summaries, rows.references))
            means[BERTSCORE] = np.asarray(bert_scores(ours, theirs, rows.bertscore))
    scores: dict[str, Any] = {"rows": len(rows.summaries)}
    drawn = _resampled_rows(len(rows.summaries), seed=0) if rows.interval else None
    for kind, values in means.items():
        scores[kind] = float(values.mean())
        if drawn is not None:
            scores |= _interval(kind, values[drawn].mean(axis=1))
    if rows.extracts is not None:
        scores |= _sentence_metrics(rows.extracts, drawn)
    shapes = np.array([_shape(sentences, text) for sentences, text in zip(rows.summaries, rows.documents, strict=True)])
    names = ("words", "compression", "novel_bigrams", "repetition")
    scores |= dict(zip(names, shapes.mean(axis=0).tolist(), strict=True))
    if rows.checked:
        pairs = zip(rows.summaries, rows.documents, strict=True)
        scores |= unsupported_counts([unsupported("\n".join(sentences), document) for sentences, document in pairs])
    return scores


def rouge1_scores(summaries: Sequence[Sequence[str]], references: Sequence[Sequence[str]] | None) -> list[float] | None:
    """Return the ROUGE-1 F of each summary, given as sentences; None without references."""
    if references is None:
        return None
    joined = ["\n".join(one) for one in summaries], ["\n".join(one) for one in references]
    return [row["rouge1"] for row in rouge_scores(*joined, kinds=("rouge1",))]


def _resampled_rows(rows: int, seed: int) -> np.ndarray:
    """Return row numbers, shape (`BOOTSTRAP_SAMPLES`, rows)."""
    return np.random.default_rng(seed).integers(rows, size=(BOOTSTRAP_SAMPLES, rows))


def average_precision(scores: Sequence[float], labels: Sequence[int]) -> float:
    """Return the mean precision at each labelled sentence in the ranking; 0 if none is labelled.

    Example:
        >>> average_precision([0.9, 0.5, 0.1], [1, 0, 1])
        0.8333333333333333
    """
    ranked = np.asarray(labels)[np.argsort(-np.asarray(scores, dtype=float), kind="stable")]
    if not ranked.sum():
        return 0.0
    precision = ranked.cumsum() / np.arange(1, len(ranked) + 1)
    return float(precision[ranked == 1].mean())


def _sentence_metrics(extracts: Sequence[Extract], drawn: np.ndarray | None) -> dict[str, Any]:
    """Return precision, recall and F1 over all sentences, and the documents' mean average precision."""
    hits = np.array([sum(one.labels[number] for number in one.taken) for one in extracts], dtype=float)
    taken = np.array([len(one.taken) for one in extracts], dtype=float)
    labelled = np.array([sum(one.labels) for one in extracts], dtype=float)
    with_labels = [one for one in extracts if sum(one.labels)]
    ranking = [average_precision(one.scores, one.labels) for one in with_labels]
    scores = {
        "precision": _ratio(hits.sum(), taken.sum()),
        "recall": _ratio(hits.sum(), labelled.sum()),
        "f1": _ratio(2 * hits.sum(), taken.sum() + labelled.sum()),
        "average_precision": float(np.mean(ranking)) if ranking else 0.0,
    }
    if drawn is not None:
        both = (taken + labelled)[drawn].sum(axis=1)
        scores |= _interval("f1", np.divide(2 * hits[drawn].sum(axis=1), both, out=np.zeros_like(both), where=both > 0))
    return scores


def _interval(name: str, values: np.ndarray) -> dict[str, float]:
    return dict(zip((f"{name}_low", f"{name}_high"), percentile_interval(values), strict=True))


def _shape(sentences: Sequence[str], document: str) -> tuple[float, float, float, float]:
    """Return words, compression, novel word pairs and repeated trigrams of one summary."""
    each = [plain_words(sentence) for sentence in sentences]
    words, source = sum(map(len, each)), plain_words(document)
    known = set(ngrams(source, 2))
    # A pair that stands across two sentences of a summary was not put together by anybody.
    pairs = [pair for one in each for pair in ngrams(one, 2)]
    runs = [run for one in each for run in ngrams(one, 3)]
    return (
        float(words),
        _ratio(words, len(source)),
        _ratio(sum(pair not in known for pair in pairs), len(pairs)),
        _ratio(len(runs) - len(set(runs)), len(runs)),
    )


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below else 0.0
