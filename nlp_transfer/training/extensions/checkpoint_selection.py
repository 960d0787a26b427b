"""Checkpoint selection for a target without labels, by scores of its texts.

`metric_for_best_model: target_infomax` (or another name of `metrics.table.LABEL_FREE`) computes them in each
evaluation, of at most `MAX_ROWS` target texts, always the same ones, and logs all that need no source features.
`target_macro_f1` needs the context's labelled `target_validation`: methods that ask for target labels may select by it.
"""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.extension import Extension
from nlp_transfer.metrics.metric import TargetRows, WeightedRows
from nlp_transfer.metrics.model_selection import MIN_ROWS, TARGET_MACRO_F1, density_ratios
from nlp_transfer.metrics.table import LABEL_FREE, compute_scores
from nlp_transfer.training.features import features_of, outputs_of

MAX_ROWS = 2000
"""Rows of a split that a score is computed of, evenly from all of it."""


def label_free_metric(arguments: Any) -> str | None:
    """Return the score without labels that checkpoints are selected by; None where they are selected otherwise."""
    name = str(getattr(arguments, "metric_for_best_model", None) or "").removeprefix("eval_")
    return name if name in LABEL_FREE else None


def check_metric(arguments: Any, context: Context | None) -> None:
    """Check that something computes the score of the target that checkpoints are selected by; raise ConfigError."""
    name = str(getattr(arguments, "metric_for_best_model", None) or "").removeprefix("eval_")
    if not name.startswith("target_") or name in LABEL_FREE:
        return
    if name != TARGET_MACRO_F1:
        known = [*LABEL_FREE, *([TARGET_MACRO_F1] if context is not None else [])]
        raise ConfigError(f"metric_for_best_model: {did_you_mean('score', name, known)}")
    if context is None or context.target_validation is None:
        raise ConfigError(
            f"metric_for_best_model is {TARGET_MACRO_F1}, which is computed of labelled validation rows of the target: "
            "give a trainer those as eval_dataset, and choose by macro_f1."
        )


def check_one_validation(arguments: Any, validation: Any) -> None:
    """Check that there is one evaluation dataset where a score of the target selects checkpoints; raise ConfigError."""
    metric = label_free_metric(arguments)
    if metric is not None and isinstance(validation, dict):
        raise ConfigError(
            f"metric_for_best_model is {metric}, a score of the target, and eval_dataset has {len(validation)} parts "
            f"({', '.join(validation)}). Give one dataset."
        )


class CheckpointSelection(Extension):
    """Compute the target's scores in each evaluation that may choose a checkpoint."""

    def evaluate(self, output: EvalLoopOutput, prefix: str) -> EvalLoopOutput:
        """Add the scores of the target to an evaluation while training."""
        if prefix != "eval":
            return output
        chosen, context = label_free_metric(self.trainer.args), self.trainer.context
        scores: dict[str, float] = {}
        target = None
        if context is not None and context.target_validation is not None:
            target, (validation, labels) = context.target, outputs_of(self.trainer, context.target_validation)
            scores[TARGET_MACRO_F1] = context.score(validation.logits.cpu(), labels.cpu())
        if chosen is not None or (target is not None and len(target) >= MIN_ROWS):
            scores |= self.label_free_scores(chosen)
        named = {f"{prefix}_{name}": value for name, value in scores.items()}
        return output._replace(metrics={**(output.metrics or {}), **named}) if named else output

    @torch.no_grad()
    def label_free_scores(self, chosen: str | None = None) -> dict[str, float]:
        """Return scores of the target's texts by name: `chosen`, if any, and all that need no source features."""
        context = self.trainer.context
        if context is None or context.target is None:
            raise ConfigError(
                f"metric_for_best_model is {chosen}, which is computed of target text: give target_dataset."
            )
        target = features_of(self.trainer, evenly_spaced_rows(context.target, MAX_ROWS), labelled=False)
        scores = compute_scores(TargetRows(target.probabilities().cpu().numpy(), target.multi_label))
        if chosen is not None and LABEL_FREE[chosen].rows is WeightedRows:
            sides = (evenly_spaced_rows(side, MAX_ROWS) for side in (context.train, context.validation))
            train, validation = (features_of(self.trainer, side) for side in sides)
            assert validation.losses is not None
            weights = density_ratios(*(side.pooled.cpu().numpy() for side in (train, target, validation)))
            scores |= compute_scores(WeightedRows(validation.losses.cpu().numpy(), weights))
        return scores


def evenly_spaced_rows(dataset: Dataset, most: int) -> Dataset:
    """Return at most so many rows, in their order, evenly from all of them."""
    if len(dataset) <= most:
        return dataset
    return dataset.select(np.linspace(0, len(dataset) - 1, most).round().astype(int))
