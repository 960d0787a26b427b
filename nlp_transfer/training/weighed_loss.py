"""Losses that are means over rows, whatever the batches: of an update, and of an evaluation.

A loss that is a mean of its micro-batch counts by the micro-batch's share of the update's items (rows, or tokens with a
label), so that one update is the same for one process, accumulation and DDP, with uneven micro-batches too. A loss of
the user's own is divided by the number of micro-batches, unless `loss_is_scaled_for_ga` says that it is scaled, or it
was computed with `num_items_in_batch`.
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

_LOOKS = frozenset({"__get__", "__format__", "__repr__", "dim"})
"""What one may do with a count without computing anything of it."""


class ItemCount(Tensor):
    """How many items an update has, which notes whether it was computed with.

    A loss that is handed the count and ignores it is a mean of its micro-batch.
    """

    used = False

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute as with any tensor."""
        kwargs = kwargs or {}
        if func.__name__ not in _LOOKS:
            for one in (*args, *kwargs.values()):
                if isinstance(one, ItemCount):
                    one.used = True
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **kwargs)


class WeighedLossMixin(UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

    _is_mean = False
    """Whether what `compute_loss` gave last is the mean of its batch."""

    def loss_is_own(self) -> bool:
        """Whether the loss is a user's own, of which nothing is known but its value."""
        function = self.compute_loss_func
        return self.overrides("compute_loss") or not (function is None or getattr(function, "adds_up", False))

    def parts_add_up(self) -> bool:
        """Whether the losses of a batch's parts, each by its share of the update's items, make that of the batch."""
        return not self.loss_is_own() and (self.compute_loss_func is not None or self._weighs_losses())

    def _weighs_losses(self) -> bool:
        """Whether the loss that this class gets is a mean; it is not where another function or class makes it.

        Causal language models do use `num_items_in_batch`, and shift their labels: theirs is left alone.
        """
        inner = self.accelerator.unwrap_model(self.model)
        inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
        causal = type(inner).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
        function = self.compute_loss_func
        return not causal and function is None and not self.overrides("compute_loss", after=WeighedLossMixin)

    # ---- an update ----

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; counts the items of the update, on all processes."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        if self._update is not None:
            counted = torch.tensor(float(sum(self._items(batch) for batch in batches)), device=self.args.device)
            self._update.items = self.accelerator.gather(counted).sum()
        return batches, items

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor | int | None:
        """As in `Trainer`; None where this class alone would use it, which counts by itself."""
        if self._weighs_losses() and not self.loss_is_own():
            return None
        return super()._get_num_items_in_batch([_unlabelled(batch) for batch in batch_samples], device)

    def _items(self, batch: Any) -> float:
        """How many terms the batch's mean loss has: labels that are not ignored, or rows where labels are unknown."""
        named = batch if isinstance(batch, Mapping) else {}
        if REPEATED in named:
            return 0.0
        labels = [named[name] for name in self.label_names if isinstance(named.get(name), Tensor)]
        return float((labels[0] != NO_LABEL).sum()) if labels else float(row_count(batch))

    def _share(self, inputs: dict[str, Any]) -> Tensor | float:
        """How much the mean loss of a micro-batch counts in its update."""
        if DOMAIN in inputs:  # its loss is that of the whole update
            return 1.0
        items = self._items(inputs)
        if not items:
            return 0.0
        if self._update is None or self._update.items is None:  # called by hand, outside the training loop
            return 1.0
        # DDP averages gradients over processes, hence their number.
        return self.accelerator.num_processes * items / self._update.items

    def training_step(
        self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """As in `Trainer`; the loss counts by its share of the update, whoever computes it."""
        compute, declared, share = self.compute_loss, self.loss_is_scaled_for_ga, self._share(inputs)
        if repeated := REPEATED in inputs:
            inputs = {name: value for name, value in inputs.items() if name != REPEATED}
        count: Any = num_items_in_batch
        if isinstance(count, Tensor) and self.loss_is_own():
            count = count.as_subclass(ItemCount)

        def weighed(*args: Any, **kwargs: Any) -> Any:
            self._is_mean = False
            loss = compute(*args, **kwargs)
            if repeated or (self._is_mean and isinstance(share, float) and not share):
                return loss.nan_to_num() * 0.0  # a mean over no items is NaN; the backward pass reaches all weights
            if self._is_mean:
                return loss * share
            scaled = declared if declared is not None else count is not None and getattr(count, "used", True)
            return loss if scaled else loss / self.current_gradient_accumulation_steps

        mine = {"compute_loss": weighed, "loss_is_scaled_for_ga": True}
        kept = {name: vars(self)[name] for name in mine if name in vars(self)}
        vars(self).update(mine)
        try:
            return super().training_step(model, inputs, count)
        finally:
            for name in mine:
                del vars(self)[name]
            vars(self).update(kept)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """As in `Trainer`; in training, too, the mean loss of the batch, which `training_step` weighs."""
        if DOMAIN in inputs or self._weighs_losses():
            found = super().compute_loss(model, inputs, return_outputs)
            self._is_mean = True
            return found
        found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        ignored = isinstance(num_items_in_batch, ItemCount) and not num_items_in_batch.used
        if ignored and self.compute_loss_func is not None and not return_outputs:
            self._is_mean = True
            if self.args.average_tokens_across_devices:  # for which Trainer has multiplied it
                return found / self.accelerator.num_processes
        return found

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in `Trainer`; the loss of a classifier is the mean over its rows, on any number of processes.

        A loss of the user's own stays what it is.
        """
        from nlp_transfer.training.losses import is_classifier, mean_loss

        own = self.loss_is_own() or self.overrides("prediction_step")
        classifies = is_classifier(self.model) and self.preprocess_logits_for_metrics is None and not own
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


def _unlabelled(batch: Any) -> Any:
    """The batch as Trainer counts its labels: none where its row counts elsewhere."""
    if REPEATED not in batch or "labels" not in batch:
        return batch
    return {**batch, "labels": torch.full_like(batch["labels"], NO_LABEL)}
