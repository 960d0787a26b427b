"""What can be counted of summaries: ROUGE against references, length, what is new or said twice, and, of extracts,
whether the sentences are those that people or the oracle would take.

Every number is a mean over documents, but for precision, recall and F1 of sentences, which are counted over all of them
together. Intervals draw documents anew (95 % percentile bootstrap).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.errors import DataError
from nlp_transfer.metrics.bertscore import BERTSCORE, bert_scores
from nlp_transfer.metrics.bootstrap import BOOTSTRAP_SAMPLES
from nlp_transfer.metrics.factuality.unsupported import unsupported, unsupported_counts
from nlp_transfer.metrics.metric import SummaryRows
from nlp_transfer.metrics.rouge import rouge_scores
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.metrics.tokenization import ROUGE, ngrams, plain_words


@dataclass(frozen=True)
class Extract:
    """Which sentences of a document were taken, and which should have been.

    Args:
        taken: their numbers.
        labels: 1 for each sentence of the document that belongs into an extract, 0 for the others.
        scores: of each sentence, the higher the better.
    """

    taken: Sequence[int]
    labels: Sequence[int]
    scores: Sequence[float]


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
    """Compute every metric of some summaries.

    Args:
        summaries: the sentences of each.
        documents: what they are of.
        references: the sentences of each reference; None where there are none.
        extracts: of summaries whose sentences are the documents', where labels are known.
        interval: add `…_low` and `…_high` of ROUGE and of the sentences' F1.
        checked: count what the documents lack of the summaries' numbers, dates, amounts and citations. Of
            extracts there is nothing to count.
        bertscore: the folder of an encoder for `bertscore` (see `bert_scores`) where there are references.

    Returns:
        `rows`; `rouge1`, `rouge2`, `rougeL`, `rougeLsum` (F, with stems) where there are references; `precision`,
        `recall`, `f1` and `average_precision` of sentences where there are extracts; `words` (of a summary),
        `compression` (its words over the document's), `novel_bigrams` (the share of its pairs of words that the
        document has not) and `repetition` (the share of its runs of three words that stood in it before); where they
        are checked, `unsupported` (items of a summary that its document lacks) and the same by kind,
        `unsupported_number` and so on.

    Raises:
        DataError: no summaries.
    """
    if not len(summaries):
        raise DataError("Nothing to score: got no summaries. Is the split empty?")
    return compute_scores(SummaryRows(summaries, documents, references, extracts, interval, checked, bertscore))


def summary_scores(rows: SummaryRows) -> dict[str, Any]:
    """Compute the metrics of summaries; see `summary_metrics`."""
    means: dict[str, np.ndarray] = {}
    if rows.references is not None:
        joined = ["\n".join(sentences) for sentences in rows.summaries], ["\n".join(one) for one in rows.references]
        rouge = rouge_scores(*joined)
        means |= {kind: np.array([row[kind] for row in rouge]) for kind in ROUGE}
        if rows.bertscore is not None:
            ours, theirs = ([" ".join(sentences) for sentences in side] for side in (rows.summaries, rows.references))
            means[BERTSCORE] = np.asarray(bert_scores(ours, theirs, rows.bertscore))
    found: dict[str, Any] = {"rows": len(rows.summaries)}
    drawn = draws(len(rows.summaries), seed=0) if rows.interval else None
    for kind, values in means.items():
        found[kind] = float(values.mean())
        if drawn is not None:
            found |= _interval(kind, values[drawn].mean(axis=1))
    if rows.extracts is not None:
        found |= _sentence_metrics(rows.extracts, drawn)
    shapes = np.array([_shape(sentences, text) for sentences, text in zip(rows.summaries, rows.documents, strict=True)])
    names = ("words", "compression", "novel_bigrams", "repetition")
    found |= dict(zip(names, shapes.mean(axis=0).tolist(), strict=True))
    if rows.checked:
        pairs = zip(rows.summaries, rows.documents, strict=True)
        found |= unsupported_counts([unsupported("\n".join(sentences), document) for sentences, document in pairs])
    return found


def rouge1_of_each(
    summaries: Sequence[Sequence[str]], references: Sequence[Sequence[str]] | None
) -> list[float] | None:
    """ROUGE-1 F of each summary, given as sentences; None where there are no references."""
    if references is None:
        return None
    joined = ["\n".join(one) for one in summaries], ["\n".join(one) for one in references]
    return [row["rouge1"] for row in rouge_scores(*joined, kinds=("rouge1",))]


def gain_interval(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """How much higher the mean of one system's scores is, as a 95 % interval; the same documents are drawn for both.

    Args:
        ours: a score of each document.
        theirs: the other system's, of the same documents.
        seed: of the bootstrap.
    """
    gains = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    low, high = np.quantile(gains[draws(len(gains), seed)].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def draws(rows: int, seed: int) -> np.ndarray:
    """Rows drawn anew, shape (`BOOTSTRAP_SAMPLES`, rows)."""
    return np.random.default_rng(seed).integers(rows, size=(BOOTSTRAP_SAMPLES, rows))


def average_precision(scores: Sequence[float], labels: Sequence[int]) -> float:
    """Mean, over the labelled sentences, of the precision of all that are scored as high; 0 where none is labelled."""
    ranked = np.asarray(labels)[np.argsort(-np.asarray(scores, dtype=float), kind="stable")]
    if not ranked.sum():
        return 0.0
    precision = ranked.cumsum() / np.arange(1, len(ranked) + 1)
    return float(precision[ranked == 1].mean())


def _sentence_metrics(extracts: Sequence[Extract], drawn: np.ndarray | None) -> dict[str, Any]:
    """Precision, recall and F1 over all sentences, and the mean of the documents' average precision."""
    hits = np.array([sum(one.labels[number] for number in one.taken) for one in extracts], dtype=float)
    taken = np.array([len(one.taken) for one in extracts], dtype=float)
    labelled = np.array([sum(one.labels) for one in extracts], dtype=float)
    with_labels = [one for one in extracts if sum(one.labels)]
    ranking = [average_precision(one.scores, one.labels) for one in with_labels]
    found = {
        "precision": _ratio(hits.sum(), taken.sum()),
        "recall": _ratio(hits.sum(), labelled.sum()),
        "f1": _ratio(2 * hits.sum(), taken.sum() + labelled.sum()),
        "average_precision": float(np.mean(ranking)) if ranking else 0.0,
    }
    if drawn is not None:
        both = (taken + labelled)[drawn].sum(axis=1)
        found |= _interval("f1", np.divide(2 * hits[drawn].sum(axis=1), both, out=np.zeros_like(both), where=both > 0))
    return found


def _interval(name: str, values: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(values, (0.025, 0.975))
    return {f"{name}_low": float(low), f"{name}_high": float(high)}


def _shape(sentences: Sequence[str], document: str) -> tuple[float, float, float, float]:
    """Words, compression, novel pairs and repeated runs of one summary."""
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
