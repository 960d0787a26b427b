"""Score a trained model, and the baselines beside it, on every split that a report shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data import Corpus
from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.metrics.classification import classification_metrics
from nlp_transfer.reporting.report import DomainScores
from nlp_transfer.reporting.sections.results import number
from nlp_transfer.tasks import FittedClassification, FittedTask
from nlp_transfer.tasks.sequence_classification.baselines import BASELINES

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import Trainer

    from nlp_transfer.training import TransferTrainer


@dataclass(frozen=True)
class SplitPredictions:
    """What a model said of one split.

    Args:
        ids: the rows' ids.
        logits: shape (rows, classes).
        labels: class ids, shape (rows,), or 0/1, shape (rows, classes); None where the split has no labels.
        metrics: all metrics; empty where the split has no labels.
    """

    ids: list[str]
    logits: np.ndarray
    labels: np.ndarray | None
    metrics: dict[str, Any]


def scored_splits(domain: str, splits: Mapping[str, Any]) -> list[str]:
    """The splits of a domain that a report shows: what the model did not learn from.

    The target is another corpus altogether; where it has no test split, its unlabelled texts are shown, else all of it.
    """
    held_out = [split for split in ("validation", "test") if split in splits]
    if domain == "source":
        return held_out
    return next(([split] for split in ("test", "unlabeled") if split in splits), list(splits))


def score_model(
    trainer: "TransferTrainer", task: "FittedTask", encoded: "Mapping[str, Mapping[str, Dataset]]"
) -> dict[str, dict[str, SplitPredictions]]:
    """Predict and score; thresholds are tuned on the source's validation split first. On all processes together.

    Args:
        trainer: with the trained model.
        task: scores, and takes the thresholds.
        encoded: {domain: {split: encoded rows}}.
    """
    validation = predict(trainer, encoded["source"]["validation"])
    if validation[1] is not None and isinstance(task, FittedClassification):
        task.tune_thresholds(validation[0], validation[1])
    results: dict[str, dict[str, SplitPredictions]] = {}
    for domain, splits in encoded.items():
        for split in scored_splits(domain, splits):
            is_validation = domain == "source" and split == "validation"
            logits, labels = validation if is_validation else predict(trainer, splits[split])
            metrics = {} if labels is None else task.metrics(logits, labels, interval=True, rows=splits[split])
            results.setdefault(domain, {})[split] = SplitPredictions(list(splits[split]["id"]), logits, labels, metrics)
    return results


def predict(trainer: "Trainer", dataset: "Dataset") -> tuple[np.ndarray, np.ndarray | None]:
    """Logits and labels of a split in its order; computed in order of length, which saves padding."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    output = trainer.predict(dataset.select(order))
    back = np.argsort(order, kind="stable")
    logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
    return np.asarray(logits)[back], None if output.label_ids is None else np.asarray(output.label_ids)[back]


def scores_by_source(
    task: "FittedTask", key: str, scored: Mapping[str, SplitPredictions], encoded: "Mapping[str, Dataset]"
) -> dict[str, str]:
    """What each of several source domains scores, as facts for a report; empty where there is one.

    Args:
        task: scores.
        key: the metric.
        scored: the source's splits.
        encoded: the same, and which domain each row is from.
    """
    facts: dict[str, list[str]] = {}
    for split, one in scored.items():
        if one.labels is None or DOMAIN_COLUMN not in encoded[split].column_names:
            continue
        domains = np.asarray(encoded[split][DOMAIN_COLUMN])
        for i, name in enumerate(encoded[split].features[DOMAIN_COLUMN].names):
            own = domains == i
            if own.any():
                score = task.metrics(one.logits[own], one.labels[own])[key]
                facts.setdefault(name, []).append(f"{split} {number(score)} ({int(own.sum()):,} rows)")
    return {name: ", ".join(parts) for name, parts in facts.items()}


def score_baselines(
    names: Sequence[str],
    task: "FittedClassification",
    corpora: Mapping[str, Corpus],
    scored: Mapping[str, Mapping[str, SplitPredictions]],
) -> dict[str, DomainScores]:
    """Fit each baseline on the source's training texts and score it where the model was scored."""
    train = corpora["source"].splits["train"]
    results: dict[str, DomainScores] = {}
    for name in names:
        predictor = BASELINES[name](list(train["text"]), label_array(train, task))
        results[name] = {}
        for domain, split, labels in _labelled(scored):
            predictions = predictor(list(corpora[domain].splits[split]["text"]))
            metrics = classification_metrics(predictions, labels, task.label_names, multi_label=task.multi_label)
            results[name].setdefault(domain, {})[split] = metrics
    return results


def prediction_rows(
    task: "FittedClassification", scored: Mapping[str, Mapping[str, SplitPredictions]]
) -> Iterator[dict[str, Any]]:
    """Predictions as `write_predictions` takes them: names, not ids."""
    names = task.label_names

    def named(value: Any) -> Any:
        return [names[i] for i in np.flatnonzero(value)] if task.multi_label else names[int(value)]

    for domain, splits in scored.items():
        for split, one in splits.items():
            predictions, probabilities = task.predictions(one.logits), task.probabilities(one.logits)
            for i, row_id in enumerate(one.ids):
                yield {
                    "id": row_id,
                    "split": split,
                    "domain": domain,
                    "label": None if one.labels is None else named(one.labels[i]),
                    "predicted": named(predictions[i]),
                    "probabilities": dict(zip(names, probabilities[i].tolist(), strict=True)),
                }


def label_array(dataset: "Dataset", task: "FittedClassification") -> np.ndarray:
    """A corpus split's labels as arrays: ids, shape (rows,), or 0/1, shape (rows, classes)."""
    if not task.multi_label:
        return np.asarray(dataset["label"])
    hot = np.zeros((len(dataset), len(task.label_names)), dtype=np.int64)
    for i, labels in enumerate(dataset["labels"]):
        hot[i, labels] = 1
    return hot


def _labelled(scored: Mapping[str, Mapping[str, SplitPredictions]]) -> Iterator[tuple[str, str, np.ndarray]]:
    for domain, splits in scored.items():
        for split, one in splits.items():
            if one.labels is not None:
                yield domain, split, one.labels.astype(int)
