"""Choosing a checkpoint for a target without labels: scores of its texts beside those of source validation.

`metric_for_best_model: target_infomax` (or another name of `metrics.label_free.LABEL_FREE`) computes them in each
evaluation, of at most `MAX_ROWS` target texts, always the same ones; every process computes all of them. All that
need no source features are logged, so that what another would have chosen can be seen.

`target_macro_f1` is the score by labels of the context's `target_validation`: for methods that ask for target labels to
choose by, for others to log alone. Beside it the scores without labels are logged, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.methods.base import Context, Features
from nlp_transfer.metrics.model_selection import (
    LABEL_FREE,
    TARGET_MACRO_F1,
    deep_embedded_validation,
    density_ratios,
    infomax,
    mean_entropy,
    soft_neighborhood_density,
)
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.training.features import features
from nlp_transfer.training.target_batches import batch_of

if TYPE_CHECKING:
    from datasets import Dataset

MAX_ROWS = 2000
"""Rows of a split that a score is computed of, evenly from all of it."""

MIN_ROWS = 3
"""Fewer have no neighbours."""


def label_free_metric(arguments: Any) -> str | None:
    """The score without labels that checkpoints are chosen by; None where they are chosen otherwise."""
    name = str(getattr(arguments, "metric_for_best_model", None) or "").removeprefix("eval_")
    return name if name in LABEL_FREE else None


def check_metric(arguments: Any, context: Context | None) -> None:
    """Refuse a score of the target to choose by that nothing computes, before an epoch is spent.

    Args:
        arguments: of the training.
        context: may have rows of the target with labels.

    Raises:
        ConfigError: names those that there are.
    """
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
    """Refuse a score of the target to choose by where each evaluation is of several datasets: it would have no name.

    Raises:
        ConfigError: names the datasets.
    """
    metric = label_free_metric(arguments)
    if metric is not None and isinstance(validation, dict):
        raise ConfigError(
            f"metric_for_best_model is {metric}, a score of the target, and eval_dataset has {len(validation)} parts "
            f"({', '.join(validation)}), each of which is evaluated by itself. Give one dataset."
        )


@dataclass(frozen=True)
class Outputs:
    """What a model makes of rows, in their order.

    Args:
        pooled: shape (rows, hidden).
        logits: shape (rows, classes).
        labels: of the rows, without meaning where they have none.
        texts: the rows' tokens.
    """

    pooled: torch.Tensor
    logits: torch.Tensor
    labels: torch.Tensor
    texts: list[list[int]]

    def features(self, losses: torch.Tensor | None = None) -> Features:
        """The same for methods and scores; with the rows' losses, where they have labels."""
        return Features(self.pooled, self.logits, losses, multi_label=self.labels.is_floating_point())


class SelectionMixin(Trainer):
    """See the module's text. A part of `TransferMixin`."""

    _context: Context | None = None

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """As in `Trainer`, with the target's scores in evaluations that may choose a checkpoint."""
        output: EvalLoopOutput = super().evaluation_loop(*args, **kwargs)
        chosen, prefix = label_free_metric(self.args), kwargs.get("metric_key_prefix", "eval")
        if prefix != "eval":
            return output
        context, scores, judged = self._context, {}, None
        if context is not None and context.target_validation is not None:
            judged = self._outputs(context.target_validation)
            scores[TARGET_MACRO_F1] = context.score(judged.logits.cpu(), judged.labels.cpu())
        target = context.target if context is not None and judged is not None else None
        if chosen is not None or (target is not None and len(target) >= MIN_ROWS):
            scores |= self.label_free_scores(chosen, judged)
        named = {f"{prefix}_{name}": value for name, value in scores.items()}
        return output._replace(metrics={**(output.metrics or {}), **named}) if named else output

    @torch.no_grad()
    def label_free_scores(self, chosen: str | None = None, known: Outputs | None = None) -> dict[str, float]:
        """The scores of the target's texts by name: `chosen`, if any, and all that need no source features.

        Args:
            chosen: a name of `LABEL_FREE`.
            known: what the model makes of some rows, which is not computed again where they are those of the target.

        Raises:
            ConfigError: there is no target, or too little of it.
        """
        context = self._context
        if context is None or context.target is None:
            raise ConfigError(
                f"metric_for_best_model is {chosen}, which is computed of target text: give target_dataset."
            )
        if len(context.target) < MIN_ROWS:
            raise ConfigError(
                f"metric_for_best_model is {chosen}, and the target has {len(context.target)} texts; at least "
                f"{MIN_ROWS} are needed."
            )
        rows = evenly_spaced_rows(context.target, MAX_ROWS)
        if known is None or known.texts != list(rows["input_ids"]):
            known = self._outputs(rows)
        target = known.features()
        probabilities, multi_label = target.probabilities().cpu().numpy(), target.multi_label
        scores = {
            "target_entropy": mean_entropy(probabilities, multi_label=multi_label),
            "target_infomax": infomax(probabilities, multi_label=multi_label),
            "target_density": soft_neighborhood_density(probabilities),
        }
        if chosen is not None and LABEL_FREE[chosen].needs_source:
            train, validation = (
                self.features_of(evenly_spaced_rows(rows, MAX_ROWS)) for rows in (context.train, context.validation)
            )
            assert validation.losses is not None
            weights = density_ratios(*(side.pooled.cpu().numpy() for side in (train, target, validation)))
            scores[chosen] = deep_embedded_validation(validation.losses.cpu().numpy(), weights)
        return scores

    def features_of(self, dataset: "Dataset", *, labelled: bool = True) -> Features:
        """What the model makes of rows, in their order.

        Args:
            dataset: encoded rows.
            labelled: whether their losses are wanted; they must have labels then.
        """
        assert self._context is not None
        made = self._outputs(dataset)
        return made.features(self._context.loss(made.logits, made.labels) if labelled else None)

    @torch.no_grad()
    def _outputs(self, dataset: "Dataset") -> Outputs:
        """What the model makes of rows, in their order."""
        model: Any = self.accelerator.unwrap_model(self.model)
        was_training = model.training
        model.eval()
        try:
            pooled, logits, labels, order = [], [], [], []
            for rows, batch in self._batches(dataset):
                order += rows
                with self.compute_loss_context_manager():
                    made = features(model, model, batch)
                pooled.append(made[0])
                logits.append(made[1])
                labels.append(batch["labels"])
        finally:
            model.train(was_training)
        back = torch.argsort(torch.tensor(order)).to(self.args.device)
        inputs, outputs, known = (torch.cat(parts)[back] for parts in (pooled, logits, labels))
        return Outputs(inputs, outputs, known, list(dataset["input_ids"]))

    def _batches(self, dataset: "Dataset") -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Row numbers and batches of like length."""
        assert self._context is not None
        lengths = [len(ids) for ids in dataset["input_ids"]]
        for rows in token_budget_batches(lengths, self._context.batch_tokens):
            yield rows, batch_of(dataset, rows, self._context, self.args.device)


def evenly_spaced_rows(dataset: "Dataset", most: int) -> "Dataset":
    """At most so many rows, in their order, evenly from all of it."""
    if len(dataset) <= most:
        return dataset
    return dataset.select(np.linspace(0, len(dataset) - 1, most).round().astype(int))
