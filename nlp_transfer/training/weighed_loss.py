"""Losses that are means over rows, whatever the batches: of an update, and of an evaluation.

A mean-reduced loss is weighted by its share of the update's items (rows, or tokens with a label), so that one update is
the same for one process, accumulation and DDP, with uneven micro-batches too.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.training.target_rows import DOMAIN, NO_LABEL
from nlp_transfer.training.updates import REPEATED, UpdateMixin, row_count


class WeighedLossMixin(UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

    _weighs_losses: bool

    def _weigh_losses(self) -> None:
        """Decide whether losses are means that this class weighs, and switch the stock handling off if so."""
        inner = self.accelerator.unwrap_model(self.model)
        inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
        # Causal language models do use num_items_in_batch, and shift their labels: theirs is left alone.
        causal = type(inner).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
        self._weighs_losses = self.compute_loss_func is None and not causal
        if self._weighs_losses:
            self.model_accepts_loss_kwargs = False
            self.loss_is_scaled_for_ga = True

    def parts_add_up(self) -> bool:
        """Whether the loss is weighed here, or by `update_mean`, by its share of the update's items."""
        own = type(self).compute_loss is not WeighedLossMixin.compute_loss
        return not own and (self._weighs_losses or getattr(self.compute_loss_func, "adds_up", False))

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor | int | None:
        if not self._weighs_losses:
            return super()._get_num_items_in_batch([_unlabelled(batch) for batch in batch_samples], device)
        items = torch.tensor(float(sum(self._items(batch) for batch in batch_samples)), device=device)
        return self.accelerator.gather(items).sum()

    def _items(self, batch: Any) -> float:
        """How many terms the batch's mean loss has: labels that are not ignored, or rows where labels are unknown."""
        if REPEATED in batch:
            return 0.0
        named = batch if isinstance(batch, Mapping) else {}
        labels = [named[name] for name in self.label_names if isinstance(named.get(name), Tensor)]
        return float((labels[0] != NO_LABEL).sum()) if labels else float(row_count(batch))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """As in `Trainer`; in training, a mean loss is weighted by its share of the update ."""
        if repeated := REPEATED in inputs:
            inputs = {name: value for name, value in inputs.items() if name != REPEATED}
        if not self._weighs_losses or DOMAIN in inputs:
            made = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
            return _times_zero(made) if repeated else made
        items = 0.0 if repeated else self._items(inputs)
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        if model.training and num_items_in_batch is not None:
            # DDP averages gradients over processes, hence their number. A mean over no items would be NaN.
            share = self.accelerator.num_processes * items / num_items_in_batch if items else 0.0
            loss = loss * share if items else _times_zero(outputs["logits"].sum() if "logits" in outputs else loss)
        return (loss, outputs) if return_outputs else loss

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in `Trainer`; the loss of a classifier is the mean over its rows, on any number of processes."""
        from nlp_transfer.training.losses import is_classifier, mean_loss

        classifies = is_classifier(self.model) and self.preprocess_logits_for_metrics is None
        output = super().evaluation_loop(
            dataloader,
            description,
            prediction_loss_only=False if classifies and not self.args.prediction_loss_only else prediction_loss_only,
            ignore_keys=ignore_keys,
            metric_key_prefix=metric_key_prefix,
        )
        logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
        if classifies and isinstance(logits, np.ndarray) and isinstance(output.label_ids, np.ndarray):
            loss = mean_loss(torch.from_numpy(logits), torch.from_numpy(output.label_ids), self)
            output = output._replace(metrics={**(output.metrics or {}), f"{metric_key_prefix}_loss": loss})
        return output


def _times_zero(made: Any) -> Any:
    """A loss, or (loss, outputs), with the loss 0, so that the backward pass reaches all weights and moves none."""
    return (made[0] * 0.0, made[1]) if isinstance(made, tuple) else made * 0.0


def _unlabelled(batch: Any) -> Any:
    """The batch as Trainer counts its labels: none where its row counts elsewhere."""
    if REPEATED not in batch or "labels" not in batch:
        return batch
    return {**batch, "labels": torch.full_like(batch["labels"], NO_LABEL)}
