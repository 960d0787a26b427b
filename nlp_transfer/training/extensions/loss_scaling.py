"""Losses that are means over rows, whatever the batches: of an update, and of an evaluation.

A loss that is a mean of its micro-batch counts by the micro-batch's share of the update's items (rows, or tokens with a
label), so that one update is the same for one process, accumulation and DDP, with uneven micro-batches too. A loss of
the user's own is divided by the number of micro-batches, unless `loss_is_scaled_for_ga` declares that it is scaled, or
it was computed with `num_items_in_batch`. A `training_step` of the user's own divides by itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.trainer_utils import EvalLoopOutput

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.training.losses import is_classifier, mean_loss
from nlp_transfer.training.optimizer_step import REPEATED, overrides, row_count
from nlp_transfer.training.target_batches import DOMAIN

_LOOKS = {"__get__", "__format__", "__repr__", "__bool__", "dim", "size", "numel", "get_device", "is_floating_point"}
_LOOKS |= {"__eq__", "eq", "ne", "gt", "ge", "lt", "le"}
"""Functions of a count that compute nothing of it."""

_COPIES = frozenset({"__get__", "to", "cpu", "cuda", "detach", "clone", "float", "double", "int", "long", "type_as"})
"""Functions that return the count on another device or of another type."""


class ItemCount(Tensor):
    """Hold the number of items of an update, and note whether anything was computed with it.

    A loss that gets the count and ignores it is a mean of its micro-batch. A comparison does not count as use; taking
    the number itself (`int(count)`) does, since it cannot be followed further.
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
        """Return whether anything was computed with the count or a copy of it."""
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


class LossScaling(Extension):
    """Weigh the loss of each micro-batch by its share of the update."""

    _is_mean = False
    """Whether the loss that was computed last is the mean of its batch."""

    def is_own(self) -> bool:
        """Return whether the loss is a user's own, of which nothing is known but its value."""
        function = self.trainer.compute_loss_func
        return overrides(self.trainer, "compute_loss") or not (function is None or getattr(function, "adds_up", False))

    def is_additive(self) -> bool:
        """Return whether the losses of a batch's parts, each by its share of the items, make that of the batch."""
        return not self.is_own() and (self.trainer.compute_loss_func is not None or self._weighs())

    def counts_items(self) -> bool:
        """Return whether this class is all that uses the number of items, so that the stock loop need not count."""
        return self._weighs() and not self.is_own()

    def _weighs(self) -> bool:
        """Return whether the stock loss is a mean; it is not where another function or class makes it."""
        inner = self.trainer.accelerator.unwrap_model(self.trainer.model)
        inner = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
        causal = type(inner).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()
        own_base = overrides(self.trainer, "compute_loss", inherited=True)
        return not causal and self.trainer.compute_loss_func is None and not own_base

    # ---- an update ----

    def prepare_step(self, batches: list[Batch]) -> list[Batch]:
        """Count the items of the update, on all processes."""
        counted = torch.tensor(float(sum(self._items(batch) for batch in batches)), device=self.trainer.args.device)
        self.trainer.current_step.items = self.trainer.accelerator.gather(counted).sum()
        return batches

    def _items(self, batch: Any) -> float:
        """Return how many terms the batch's mean loss has: labels that are not ignored, or rows without labels."""
        named = batch if isinstance(batch, Mapping) else {}
        if REPEATED in named:
            return 0.0
        labels = [named[name] for name in self.trainer.label_names if isinstance(named.get(name), Tensor)]
        return float((labels[0] != IGNORE_INDEX).sum()) if labels else float(row_count(batch))

    def _share(self, batch: Any) -> Tensor | float:
        """Return how much the mean loss of a micro-batch counts in its update."""
        if DOMAIN in batch:  # its loss is that of the whole update
            return 1.0
        items = self._items(batch)
        if not items:
            return 0.0
        step = self.trainer.current_step
        if step is None or step.items is None:  # called by hand, outside the training loop
            return 1.0
        # DDP averages gradients over processes, hence their number.
        share: Tensor = self.trainer.accelerator.num_processes * items / step.items
        return share

    def backward(self, step: Callable[..., Tensor], model: nn.Module, batch: Batch, num_items: Any) -> Tensor:
        """Weigh the loss of a micro-batch by its share of the update, whoever computes it."""
        trainer = self.trainer
        compute, declared, share = trainer.compute_loss, trainer.loss_is_scaled_for_ga, self._share(batch)
        if repeated := REPEATED in batch:
            batch = {name: value for name, value in batch.items() if name != REPEATED}
        count: Any = num_items
        if isinstance(count, Tensor) and self.is_own():
            count = ItemCount.of(count)

        def weighed(*args: Any, **kwargs: Any) -> Any:
            self._is_mean = False
            loss = compute(*args, **kwargs)
            if repeated or (self._is_mean and isinstance(share, float) and not share):
                return loss.nan_to_num() * 0.0  # a mean over no items is NaN; the backward pass reaches all weights
            if self._is_mean:
                return loss * share
            scaled = declared if declared is not None else count is not None and getattr(count, "used", True)
            return loss if scaled else loss / trainer.current_gradient_accumulation_steps

        changed = {"compute_loss": weighed, "loss_is_scaled_for_ga": True}
        kept = {name: vars(trainer)[name] for name in changed if name in vars(trainer)}
        vars(trainer).update(changed)
        try:
            return step(model, batch, count)
        finally:
            for name in changed:
                del vars(trainer)[name]
            vars(trainer).update(kept)

    def loss(self, compute: Any, model: nn.Module, batch: Batch, return_outputs: bool, num_items: Any) -> Any:
        """Compute the mean loss of the batch, in training too, where `backward` weighs it."""
        if DOMAIN in batch or self._weighs():
            value = compute(model, batch, return_outputs, None)
            self._is_mean = True
            return value
        own, count = self.trainer.compute_loss_func is not None and self.is_own(), num_items
        if own and isinstance(count, Tensor) and not isinstance(count, ItemCount):  # in an evaluation
            count = ItemCount.of(count)
        value = compute(model, batch, return_outputs, count)
        if not own or not isinstance(count, ItemCount) or count.used:
            return value
        self._is_mean = True
        loss, *outputs = value if return_outputs else (value,)
        if self.trainer.args.average_tokens_across_devices:  # for which Trainer has multiplied it
            loss = loss / self.trainer.accelerator.num_processes
        return (loss, *outputs) if return_outputs else loss

    # ---- an evaluation ----

    def needs_predictions(self) -> bool:
        """Return whether the loss is computed from the logits of all rows."""
        own = self.is_own() or overrides(self.trainer, "prediction_step")
        return is_classifier(self.trainer.model) and self.trainer.preprocess_logits_for_metrics is None and not own

    def evaluate(self, output: EvalLoopOutput, prefix: str) -> EvalLoopOutput:
        """Set a classifier's loss to the mean over its rows, on any number of processes; a user's own loss stays."""
        logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
        labels = output.label_ids
        if not (self.needs_predictions() and isinstance(logits, np.ndarray) and isinstance(labels, np.ndarray)):
            return output
        loss = mean_loss(torch.from_numpy(logits), torch.from_numpy(labels), self.trainer)
        return output._replace(metrics={**(output.metrics or {}), f"{prefix}_loss": loss})


def without_repeated_labels(batch: Any) -> Any:
    """Return a batch as the stock loop counts its labels: none where its row counts on another process."""
    if REPEATED not in batch or "labels" not in batch:
        return batch
    return {**batch, "labels": torch.full_like(batch["labels"], IGNORE_INDEX)}
