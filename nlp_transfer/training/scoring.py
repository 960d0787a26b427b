"""Score a trained model on every split that a report shows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import Trainer

from nlp_transfer.data.corpus import calibration_split
from nlp_transfer.metrics.probability_scores import without_promises
from nlp_transfer.models.families import rescale_logits
from nlp_transfer.tasks.base import FittedTask, Predictions
from nlp_transfer.training.progress import name_stage
from nlp_transfer.training.target_evaluation import final_layer
from nlp_transfer.training.trainer import TransferTrainer


def scored_splits(domain: str, splits: Mapping[str, Any]) -> list[str]:
    """Return the splits of a domain that a report shows: those that the model did not learn from.

    The target is another corpus altogether; where it has no test split, its unlabelled texts are shown, else all of it.
    """
    held_out = [split for split in ("validation", "test") if split in splits]
    if domain == "source":
        return held_out
    return next(([split] for split in ("test", "unlabeled") if split in splits), list(splits))


def calibrate(
    trainer: TransferTrainer, task: FittedTask, encoded: Mapping[str, Mapping[str, Dataset]]
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Calibrate a model, on all processes together; return logits after and before that, None if it is not, and labels.

    The calibration goes into the layer that makes the logits, so that whoever loads the saved model has it. Not changed
    are a model whose class frequencies were corrected, and one that is sharded, whose last layer is in parts.
    """
    split = calibration_split(encoded["source"])
    name_stage(trainer, f"Scoring source {split}")
    logits, labels = predict(trainer, encoded["source"][split])
    if not is_fixed(trainer) and (calibration := task.calibrate(logits, labels)) is not None:
        rescale_logits(final_layer(trainer), calibration.scale, calibration.shift)
        return calibration.apply(logits).astype(logits.dtype), logits, labels
    return logits, None, labels


def is_fixed(trainer: TransferTrainer) -> bool:
    """Return whether the last layer of a trained model cannot be changed."""
    return trainer.prior_corrected or trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled


def score_model(
    trainer: TransferTrainer, task: FittedTask, encoded: Mapping[str, Mapping[str, Dataset]]
) -> dict[str, dict[str, Predictions]]:
    """Predict and score all splits, on all processes together; first calibrate the model and fit the decision.

    How the decision keeps its promises is not scored on the rows that it was fitted on. Without validation rows nothing
    is calibrated, and the decision is the plain one.
    """
    known = {}
    if (fitted := calibration_split(encoded["source"])) in encoded["source"]:
        logits, raw, labels = calibrate(trainer, task, encoded)
        task.fit_decision(logits, labels, encoded["source"][fitted], raw=raw)
        known["source", fitted] = (logits, labels)
    elif not is_fixed(trainer) and (units := task.calibrate(None, None)) is not None:  # those of a regression
        rescale_logits(final_layer(trainer), units.scale, units.shift)
    results: dict[str, dict[str, Predictions]] = {"source": {}}  # which may have nothing but training rows
    for domain, splits in encoded.items():
        for split in scored_splits(domain, splits):
            name_stage(trainer, f"Scoring {domain} {split}")
            logits, labels = known.get((domain, split)) or predict(trainer, splits[split])
            metrics = {} if labels is None else task.score(logits, labels, interval=True, rows=splits[split])
            if (domain, split) in known:
                metrics = without_promises(metrics)
            results.setdefault(domain, {})[split] = Predictions(list(splits[split]["id"]), logits, labels, metrics)
    return results


def predict(trainer: Trainer, dataset: Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Return logits and labels of a split in its order; computed in order of length, which saves padding."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    output = trainer.predict(dataset.select(order))
    back = np.argsort(order, kind="stable")
    logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
    return np.asarray(logits)[back], None if output.label_ids is None else np.asarray(output.label_ids)[back]
