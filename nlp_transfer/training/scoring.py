"""Score a trained model on every split that a report shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import Trainer

from nlp_transfer.tasks.base import FittedTask, Predictions
from nlp_transfer.training.progress import name_stage
from nlp_transfer.training.trainer import TransferTrainer


def scored_splits(domain: str, splits: Mapping[str, Any]) -> list[str]:
    """Return the splits of a domain that a report shows: those that the model did not learn from.

    The target is another corpus altogether; where it has no test split, its unlabelled texts are shown, else all of it.
    """
    held_out = [split for split in ("validation", "test") if split in splits]
    if domain == "source":
        return held_out
    return next(([split] for split in ("test", "unlabeled") if split in splits), list(splits))


def score_model(
    trainer: TransferTrainer, task: FittedTask, encoded: Mapping[str, Mapping[str, Dataset]]
) -> dict[str, dict[str, Predictions]]:
    """Predict and score all splits, on all processes together; first fit the decision on source validation."""
    name_stage(trainer, "Scoring source validation")
    validation = predict(trainer, encoded["source"]["validation"])
    task.fit_decision(*validation)
    results: dict[str, dict[str, Predictions]] = {}
    for domain, splits in encoded.items():
        for split in scored_splits(domain, splits):
            is_validation = domain == "source" and split == "validation"
            name_stage(trainer, f"Scoring {domain} {split}")
            logits, labels = validation if is_validation else predict(trainer, splits[split])
            metrics = {} if labels is None else task.score(logits, labels, interval=True, rows=splits[split])
            results.setdefault(domain, {})[split] = Predictions(list(splits[split]["id"]), logits, labels, metrics)
    return results


def predict(trainer: Trainer, dataset: Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Return logits and labels of a split in its order; computed in order of length, which saves padding."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    output = trainer.predict(dataset.select(order))
    back = np.argsort(order, kind="stable")
    logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
    return np.asarray(logits)[back], None if output.label_ids is None else np.asarray(output.label_ids)[back]
