"""Row losses of transformers' classification heads, and their exact mean over a split."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import Trainer
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES


def row_loss(logits: Tensor, labels: Tensor, config: Any) -> Tensor:
    """Return the row losses that `AutoModelForSequenceClassification` averages.

    They follow from `config.problem_type` or, where it is unset, from the labels' type. Logits have the shape (rows,
    classes), labels that or (rows,).

    Example:
        >>> from types import SimpleNamespace
        >>> config = SimpleNamespace(problem_type=None, num_labels=2)
        >>> row_loss(torch.zeros(2, 2), torch.tensor([0, 1]), config)
        tensor([0.6931, 0.6931])
    """
    problem = config.problem_type
    if problem == "regression" or (problem is None and config.num_labels == 1):
        errors = functional.mse_loss(logits.float().reshape(labels.shape), labels.float(), reduction="none")
        return errors.reshape(len(labels), -1).mean(dim=-1)
    if problem == "multi_label_classification" or (problem is None and labels.is_floating_point()):
        return functional.binary_cross_entropy_with_logits(logits.float(), labels.float(), reduction="none").mean(-1)
    return functional.cross_entropy(logits.float(), labels.long(), reduction="none")


def update_mean(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """Return a `compute_loss_func` for Trainer: the mean of a row loss over the rows of the whole update.

    The update's rows are those of all micro-batches and processes, so accumulation and DDP change nothing. `loss` maps
    logits and labels to losses, shape (batch,).
    """

    def compute(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | int | None = None) -> Tensor:
        losses = loss(outputs["logits"], labels)
        if num_items_in_batch is None:
            return losses.mean()
        # Trainer counts labels; a multi-label row has as many as there are classes.
        return losses.sum() * (labels.numel() / len(labels)) / num_items_in_batch

    compute.adds_up = True  # type: ignore[attr-defined]
    return compute


def is_classifier(model: Any) -> bool:
    """Return whether a model (or the model inside a PEFT one) is one of transformers' sequence classifiers."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return type(inner).__name__ in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.values()


def mean_loss(logits: Tensor, labels: Tensor, trainer: Trainer) -> float:
    """Return the loss over all rows at once: that of `update_mean`, label smoothing, or the head."""
    with torch.no_grad():
        outputs = SequenceClassifierOutput(logits=logits)
        if trainer.compute_loss_func is not None:
            return float(trainer.compute_loss_func(outputs, labels, num_items_in_batch=None))
        if trainer.label_smoother is not None:
            return float(trainer.label_smoother(outputs, labels))
        config: Any = getattr(trainer.model, "config", None)
        return float(row_loss(logits, labels, config).mean())


def primary_score(logits: Tensor, labels: Tensor) -> float:
    """Return the primary metric of classifiers for the most probable class, or, for 0/1 labels, for p >= 0.5."""
    from nlp_transfer.metrics.metric import ClassificationRows
    from nlp_transfer.metrics.table import METRICS
    from nlp_transfer.tasks import TASKS

    multi_label = labels.ndim == 2
    predictions = (logits >= 0).int() if multi_label else logits.argmax(dim=-1)
    names = [str(i) for i in range(logits.shape[-1])]
    metric = METRICS[TASKS["sequence_classification"].primary_metric]
    rows = ClassificationRows(predictions.numpy(), labels.int().numpy(), names, multi_label=multi_label)
    return float(metric.compute(rows)[metric.name])
