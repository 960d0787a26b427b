"""Checkpoint selection for a target without labels, by scores of its texts.

`metric_for_best_model: target_infomax` (or another name of `metrics.table.LABEL_FREE`) computes them in each
evaluation, of at most `MAX_ROWS` target texts, always the same ones; every process computes all of them. All scores
that need no source features are logged, so that selection by another can be compared.

`target_macro_f1` is the macro-F1 on the context's `target_validation`, which has labels: methods that ask for target
labels may select by it, for others it is only logged, together with the scores without labels.
"""

from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.alignment import Features
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
            f"metric_for_best_model is {TARGET_MACRO_F1}, which is computed of labelled validation rows of the target. "
            "A configuration's run has them; a trainer chooses by them as any metric: give them as eval_dataset."
        )


def check_one_validation(arguments: Any, validation: Any) -> None:
    """Check that there is one evaluation dataset where a score of the target selects checkpoints; raise ConfigError."""
    metric = label_free_metric(arguments)
    if metric is not None and isinstance(validation, dict):
        raise ConfigError(
            f"metric_for_best_model is {metric}, a score of the target, and eval_dataset has {len(validation)} parts "
            f"({', '.join(validation)}), each of which is evaluated by itself. Give one dataset."
        )


class CheckpointSelection(Extension):
    """Compute the target's scores in each evaluation that may choose a checkpoint."""

    def evaluate(self, output: EvalLoopOutput, prefix: str) -> EvalLoopOutput:
        """Add the scores of the target to an evaluation while training."""
        if prefix != "eval":
            return output
        chosen, context = label_free_metric(self.trainer.args), self.trainer.context
        scores: dict[str, float] = {}
        validation: Features | None = None
        if context is not None and context.target_validation is not None:
            validation, labels = outputs_of(self.trainer, context.target_validation)
            scores[TARGET_MACRO_F1] = context.score(validation.logits.cpu(), labels.cpu())
        target = context.target if context is not None and validation is not None else None
        if chosen is not None or (target is not None and len(target) >= MIN_ROWS):
            scores |= self.label_free_scores(chosen, validation)
        named = {f"{prefix}_{name}": value for name, value in scores.items()}
        return output._replace(metrics={**(output.metrics or {}), **named}) if named else output

    @torch.no_grad()
    def label_free_scores(self, chosen: str | None = None, known: Features | None = None) -> dict[str, float]:
        """Return scores of the target's texts by name: `chosen`, if any, and all that need no source features."""
        context = self.trainer.context
        if context is None or context.target is None:
            raise ConfigError(
                f"metric_for_best_model is {chosen}, which is computed of target text: give target_dataset."
            )
        rows = evenly_spaced_rows(context.target, MAX_ROWS)
        judging = context.target_validation
        if known is not None and judging is not None and list(judging["input_ids"]) == list(rows["input_ids"]):
            target = known  # computed already
        else:
            target = features_of(self.trainer, rows, labelled=False)
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
