"""Score the baselines of classification: the majority class, chance, and a linear SVM on TF-IDF features.

The SVM has unigrams and bigrams, sublinear counts, terms of at least two texts, and C = 1.
Reference: Wang & Manning (2012), Baselines and Bigrams, https://aclanthology.org/P12-2018
"""

import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.reading.baselines import vectorized

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.data.corpus import Corpus
    from nlp_transfer.tasks.base import DomainPredictions, DomainScores

Predictor = Callable[[Sequence[Any]], np.ndarray]
"""Texts, or pairs of texts, to class ids, shape (rows,), or to zeros and ones, shape (rows, classes)."""

Baseline = Callable[[Sequence[Any], np.ndarray], Predictor]
"""Training texts and their labels, in either form, to a fitted predictor of the same form."""


def majority(texts: Sequence[Any], labels: np.ndarray) -> Predictor:
    """Predict the most frequent class of training; for multi-label the labels that more than half of the rows have.

    Example:
        >>> majority(["a", "b", "c"], np.array([1, 0, 1]))(["d"])
        array([1])
    """
    labels = checked_labels(texts, labels)
    answer = np.argmax(np.bincount(labels)) if labels.ndim == 1 else (labels.mean(axis=0) > 0.5).astype(np.int64)
    return lambda unseen: np.broadcast_to(answer, (len(unseen), *answer.shape)).astype(np.int64)


def chance(texts: Sequence[Any], labels: np.ndarray) -> Predictor:
    """Predict each class with the same probability, each of several labels with one half."""
    labels = checked_labels(texts, labels)
    classes = 2 if labels.ndim == 2 else int(labels.max()) + 1
    return lambda unseen: np.random.default_rng(0).integers(classes, size=(len(unseen), *labels.shape[1:]))


def tfidf_svm(texts: Sequence[str], labels: np.ndarray) -> Predictor:
    """Fit a linear SVM, one class against the rest, on TF-IDF of words and word pairs.

    A label that all or no training rows have is predicted for all or none. Texts without words predict the majority.
    """
    labels = checked_labels(texts, labels)
    fitted = vectorized(texts)
    if fitted is None or (labels.ndim == 1 and len(np.unique(labels)) == 1):
        return majority(texts, labels)
    vectorizer, features = fitted
    model = linear_svm(features, labels)
    return lambda unseen: np.asarray(model.predict(vectorizer.transform(unseen)))


def linear_svm(features: Any, labels: np.ndarray) -> Any:
    """Return a linear SVM of scikit-learn, one class against the rest, fitted to features, shape (rows, features)."""
    from sklearn.multiclass import OneVsRestClassifier  # here, so that names are known without loading scikit-learn
    from sklearn.svm import LinearSVC

    svm = LinearSVC(C=1.0, max_iter=10_000, random_state=0)
    model = svm if labels.ndim == 1 else OneVsRestClassifier(svm)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Label (not )?\d+ is present in all")
        model.fit(features, labels)
    return model


BASELINES: dict[str, Baseline] = {"majority": majority, "tfidf_svm": tfidf_svm, "chance": chance}
"""The baselines by name. One line a baseline."""


OfSplit = Callable[[str, str], np.ndarray]
"""(domain, split) to the predictions of a fitted baseline for its rows."""


def fit_baselines(
    table: Mapping[str, Baseline],
    names: Sequence[str],
    corpora: "Mapping[str, Corpus]",
    classes: int,
    *,
    multi_label: bool,
) -> Iterator[tuple[str, OfSplit]]:
    """Yield each baseline of a table with its predictions, fitted on the source's training texts, or pairs of them."""
    for name in names:
        train = corpora["source"].splits["train"]
        labels = label_array(train, classes, multi_label=multi_label)
        predict = table[name](row_inputs(train), labels)
        yield name, lambda domain, split, of=predict: of(row_inputs(corpora[domain].splits[split]))  # type: ignore[misc]


BaselinePredictions = dict[str, dict[str, np.ndarray]]
"""Domain to split to the predictions of a baseline."""


def predict_all(
    fitted: Iterable[tuple[str, OfSplit]], scored: "DomainPredictions", slow: Container[str] = ()
) -> dict[str, BaselinePredictions]:
    """Return the predictions of fitted baselines by name, on all splits; of slow ones on those with labels."""
    return {
        name: {
            domain: {
                split: predict(domain, split)
                for split, one in splits.items()
                if one.labels is not None or name not in slow
            }
            for domain, splits in scored.items()
        }
        for name, predict in fitted
    }


def score_baselines(
    predicted: Mapping[str, BaselinePredictions], scored: "DomainPredictions", decision: Decision
) -> "dict[str, DomainScores]":
    """Score the predictions of baselines on the rows of the model's predictions.

    `macro_f1_gain_low` and `macro_f1_gain_high` bound how much higher the model's macro-F1 is on the same rows, or
    those of `quadratic_kappa` for classes with an order. `cost` is there where the decision has costs.
    """
    from nlp_transfer.metrics.ordinal import KappaScores
    from nlp_transfer.metrics.row_scores import ClassScores, gain_scores

    rows = KappaScores if decision.ordered else ClassScores
    results: dict[str, DomainScores] = {}
    for name, domains in predicted.items():
        results[name] = {}
        for domain, splits in domains.items():
            for split, theirs in splits.items():
                one = scored[domain][split]
                if one.labels is None:
                    continue
                labels = one.labels.astype(int)
                scores = decision.choice_scores(theirs, labels)
                ours = decision.choose(decision.probabilities(one.logits))
                scores |= gain_scores(decision.primary_metric, rows(np.stack([ours, theirs]), labels))
                if (costs := decision.row_costs(theirs, labels)) is not None:
                    scores["cost"] = float(costs.mean())
                results[name].setdefault(domain, {})[split] = scores
    return results


def label_array(dataset: "Dataset", classes: int, *, multi_label: bool) -> np.ndarray:
    """Return the labels of a corpus's split: ids, shape (rows,), or 0/1, shape (rows, classes)."""
    from nlp_transfer.data.encoding.tokens import multi_hot

    if not multi_label:
        return np.asarray(dataset["label"])
    return np.array([multi_hot(labels, classes) for labels in dataset["labels"]], dtype=np.int64)


def checked_labels(texts: Sequence[Any], labels: np.ndarray) -> np.ndarray:
    """Return labels as integers; raise ValueError if they are not those of the texts."""
    labels = np.asarray(labels).astype(np.int64)
    if len(texts) != len(labels) or len(labels) == 0 or labels.ndim not in (1, 2):
        raise ValueError(f"A baseline needs rows with labels; got {len(texts)} texts and labels of {labels.shape}.")
    return labels
