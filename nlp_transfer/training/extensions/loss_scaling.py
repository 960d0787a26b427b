"""Losses that are means over rows, whatever the batches: of an update, and of an evaluation.

A loss that is a mean of its micro-batch counts by the micro-batch's share of the update's items (rows, or tokens with a
label), so that one update is the same for one process, accumulation and DDP, with uneven micro-batches too. A loss of
the user's own is divided by the number of micro-batches, unless `loss_is_scaled_for_ga` says that it is scaled, or it
was computed with `num_items_in_batch`. A `training_step` of the user's own divides by itself.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.training.optimizer_step import REPEATED, UpdateMixin, row_count
from nlp_transfer.training.target_batches import DOMAIN

_LOOKS = frozenset(
    {
        *("__get__", "__format__", "__repr__", "__bool__", "dim", "size", "numel", "get_device", "is_floating_point"),
        *("__eq__", "eq", "ne", "gt", "ge", "lt", "le"),
    }
)
"""What one may do with a count without computing anything of it."""

_COPIES = frozenset({"__get__", "to", "cpu", "cuda", "detach", "clone", "float", "double", "int", "long", "type_as"})
"""What gives the count again, on another device or of another type."""


class ItemCount(Tensor):
    """How many items an update has, which notes whether it was computed with.

    A loss that is handed the count and ignores it is a mean of its micro-batch. A comparison is no use; the number
    itself (`int(count)`) is, since nothing is known of it any more.
    """

    _uses: list[str]

    @classmethod
    def of(cls, count: Tensor, uses: list[str] | None = None) -> "ItemCount":
        """Return the count as one that notes its uses, in a list that copies share."""
        noting = count.as_subclass(cls)
        noting._uses = [] if uses is None else uses
        return noting

    @property
    def used(self) -> bool:
        """Whether anything was computed with the count or a copy of it."""
        return bool(self._uses)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute as with any tensor."""
        kwargs, name = kwargs or {}, func.__name__
        counts = [one for one in (*args, *kwargs.values()) if isinstance(one, ItemCount)]
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **kwargs)
            if name in _COPIES and isinstance(result, Tensor):
                return cls.of(result, counts[0]._uses)
        if name not in _LOOKS | _COPIES:
            for one in counts:
                one._uses.append(name)
        return result


class WeighedLossMixin(UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

    _is_mean = False
    """Whether what `compute_loss` gave last is the mean of its batch."""

    def loss_is_own(self) -> bool:
        """Whether the loss is a user's own, of which nothing is known but its value."""
        function = self.compute_loss_func
        return self.overrides("compute_loss") or not (function is None or getattr(function, "adds_up", False))

    def loss_is_additive(self) -> bool:
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
        return float((labels[0] != IGNORE_INDEX).sum()) if labels else float(row_count(batch))

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
            count = ItemCount.of(count)

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
        own, count = self.compute_loss_func is not None and self.loss_is_own(), num_items_in_batch
        if own and isinstance(count, Tensor) and not isinstance(count, ItemCount):  # in an evaluation
            count = ItemCount.of(count)
        found = super().compute_loss(model, inputs, return_outputs, count)
        if not own or not isinstance(count, ItemCount) or count.used:
            return found
        self._is_mean = True
        loss, *outputs = found if return_outputs else (found,)
        if self.args.average_tokens_across_devices:  # for which Trainer has multiplied it
            loss = loss / self.accelerator.num_processes
        return (loss, *outputs) if return_outputs else loss

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
    return {**batch, "labels": torch.full_like(batch["labels"], IGNORE_INDEX)}
