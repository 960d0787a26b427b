"""Adaptation to a target domain: the methods' terms are computed over all rows of an update at once.

Each process computes the loss (`adaptation_loss.py`) from the features of all processes and micro-batches, and its
gradient with respect to them; what flows back into the encoder is that gradient at the process's own rows. Where an
update is made in several forward passes, a first one without gradients collects the features (as in GradCache,
https://arxiv.org/abs/2101.06983), with the dropout that the second one draws again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn
from torch.optim import Optimizer

from nlp_transfer.data.encoding.label_columns import has_label, label_column
from nlp_transfer.errors import TrainingError
from nlp_transfer.methods.alignment import TEACHER_LOGITS, Features, active_methods
from nlp_transfer.methods.base import Change, source_free
from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.models.families import plain_model
from nlp_transfer.training.extensions.adaptation_loss import total_loss
from nlp_transfer.training.features import features, row_labels
from nlp_transfer.training.optimizer_step import REPEATED, overrides, row_count
from nlp_transfer.training.runtime import random_state, set_random_state
from nlp_transfer.training.target_batches import (
    DOMAIN,
    TARGET,
    UPDATE_ROW,
    InfiniteSampler,
    batch_of,
    mixed,
    uncounted,
    unmixed,
)


class DomainAdaptation(Extension):
    """Mix target rows into each update and add the methods' terms to its loss.

    Args:
        split: returns the parts of a micro-batch that go through the model at once.
    """

    def __init__(self, split: Callable[[Batch], list[Batch]]) -> None:
        self.split = split
        self._gradients: tuple[Tensor, Tensor] | None = None  # of the loss, by this process's features and logits
        self._has_terms = False  # whether the loss of the update was computed with the methods' terms
        self._logged: dict[str, tuple[float, int]] = {}  # since the last log entry: sums, and of how many updates

    # ---- before training ----

    @contextmanager
    def training(self) -> Iterator[None]:
        """Begin a run."""
        trainer = self.trainer
        self._logged = {}
        self.target = trainer.context.target
        self.order = InfiniteSampler(len(self.target), trainer.args.seed)
        yield

    def prepare_optimizer(self, optimizer: Optimizer) -> None:
        """Add the methods' networks, each at its own rate."""
        known = {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, network in self.trainer.networks.items():
            if parameters := [p for p in network.parameters() if id(p) not in known]:
                rate = self.trainer.networks.rates[name]
                optimizer.add_param_group({"params": parameters, "lr": rate, "weight_decay": 0.0})

    # ---- an update ----

    def prepare_step(self, batches: list[Batch]) -> list[Batch]:
        """Add as many target rows to each micro-batch as it has source rows; without a source they replace its rows."""
        self._has_terms = False
        self.reset_step()
        return list(self._with_target(batches))

    def _with_target(self, batches: list[Batch]) -> Iterator[Batch]:
        trainer = self.trainer
        size, processes = trainer._train_batch_size, trainer.args.world_size
        first = trainer.state.global_step * size * processes * trainer.args.gradient_accumulation_steps
        padding = getattr(trainer.processing_class, "pad_token_id", None)
        if padding is None:
            config = plain_model(trainer.accelerator.unwrap_model(trainer.model)).config
            padding = getattr(config, "pad_token_id", None) or 0  # encoders of images have none
        start, alone = 0, source_free(trainer.methods) is not None
        for number, batch in enumerate(batches):
            rows = row_count(batch)
            place = first + (number * processes + trainer.args.process_index) * size
            target = self._target_batch(range(place, place + rows))
            made = unmixed(target, start=start) if alone else mixed(batch, target, padding=padding, start=start)
            yield uncounted(made) if REPEATED in batch else made
            start += rows if alone else 2 * rows

    def _target_batch(self, positions: range) -> Batch:
        """Return target rows by their positions in the endless order, with labels where methods give or need them."""
        rows = self.order.take(positions.start, len(positions))
        batch: Batch = batch_of(self.target, rows, self.trainer.context, self.trainer.args.device)
        if label_column(self.target) is None:
            batch.pop("labels", None)  # without meaning; rows without labels get those that are ignored
        for extension in self.trainer.extensions:
            extension.prepare_target(batch, rows, positions)
        return batch

    def reset_step(self) -> None:
        """Forget the gradients of the update outside of the model."""
        self._gradients = None
        if self.trainer.networks is not None:
            for parameter in self.trainer.networks.parameters():
                parameter.grad = None

    def loss(self, compute: Any, model: nn.Module, batch: Batch, return_outputs: bool, num_items: Any) -> Any:
        """Compute the loss of a batch with target rows, so that its gradient is that of the whole update."""
        if DOMAIN not in batch:
            return compute(model, batch, return_outputs, num_items)
        plain = self.trainer.accelerator.unwrap_model(model)
        value = torch.zeros((), device=self.trainer.args.device)
        places = batch[UPDATE_ROW]
        if self._gradients is None and not self._in_one_pass():
            value = self._look_ahead(plain)
        pooled, logits = features(plain, model, batch)
        if self._gradients is None:
            value = self.differentiate(pooled.detach(), logits.detach(), [batch])
        assert self._gradients is not None
        by_pooled, by_logits = (gradient[places] for gradient in self._gradients)
        # DDP averages over processes what is to be added up.
        flowing = self.trainer.args.world_size * ((pooled * by_pooled).sum() + (logits * by_logits).sum())
        return value + (flowing - flowing.detach())

    def before_optimizer_step(self, grad_norm: Any, model: nn.Module) -> Any:
        """Check that the methods' terms are in the update; raise TrainingError where a user's own loss is."""
        trainer = self.trainer
        if not self._has_terms:
            names = " and ".join(method.name for method in active_methods(trainer.methods))
            place = "training_step" if overrides(trainer, "training_step") else "compute_loss"
            raise TrainingError(
                f"Step {trainer.state.global_step + 1}: {type(trainer).__name__} has a {place} of its own, which never "
                f"calls TransferTrainer's compute_loss, so {names} had no effect on the loss. The weights did not take "
                "this update. Compute the loss by that (self.compute_loss(model, inputs)), or leave the method out."
            )
        return grad_norm

    def _parts(self) -> list[Batch]:
        """Return what goes through the model at once, of the whole update."""
        return [part for batch in self.trainer.current_step.batches for part in self.split(batch)]

    def _in_one_pass(self) -> bool:
        """Return whether one forward pass makes the update, on every process."""
        several = torch.tensor(float(len(self._parts()) > 1), device=self.trainer.args.device)
        if self.trainer.args.world_size > 1:
            several = self.trainer.accelerator.reduce(several, "sum")
        return not bool(several)

    @torch.no_grad()
    def _look_ahead(self, model: nn.Module) -> Tensor:
        """Compute the gradients of an update of several passes; the random state is put back for them."""
        before, parts = random_state(self.trainer.args.device), self._parts()
        outputs = [features(model, model, part) for part in parts]
        set_random_state(before, self.trainer.args.device)
        return self.differentiate(torch.cat([x for x, _ in outputs]), torch.cat([x for _, x in outputs]), parts)

    def differentiate(self, pooled: Tensor, logits: Tensor, parts: list[dict[str, Any]]) -> Tensor:
        """Compute the update's loss from the outputs of this process's rows; keep its gradients, return its value."""
        rows = len(pooled)
        local = {
            name: torch.cat([row_labels(part[name]) if name == "labels" else part[name] for part in parts])
            for name in ("labels", DOMAIN, UPDATE_ROW, TEACHER_LOGITS)
            if name in parts[0]
        }
        local |= {"pooled": pooled, "logits": logits}
        everything, start = self._gathered(local)
        leaves = [everything[name].requires_grad_() for name in ("pooled", "logits")]
        networks = self.trainer.networks if self.trainer.networks is not None else nn.ModuleDict()
        free = list(networks.parameters())
        with torch.enable_grad(), torch.autocast(self.trainer.args.device.type, enabled=False):
            of_target = everything[DOMAIN] == TARGET
            source = self.source_side(everything, everything[DOMAIN] >= 0)
            target = self._target_side(everything, of_target)
            progress = self.trainer.state.global_step / max(1, self.trainer.state.max_steps)
            loss, logged = total_loss(
                active_methods(self.trainer.methods), source, target, progress, dict(networks.items())
            )
            gradients = torch.autograd.grad(loss, [*leaves, *free], allow_unused=True)
        scaler = getattr(self.trainer.accelerator, "scaler", None)
        for parameter, gradient in zip(free, gradients[2:], strict=True):
            if gradient is not None:  # the optimizer divides by the scale of fp16's losses
                parameter.grad = gradient if scaler is None else gradient * scaler.get_scale()
        kept = []
        for leaf, gradient in zip(leaves, gradients[:2], strict=True):
            own = torch.zeros_like(leaf[:rows])
            if gradient is not None:
                own[local[UPDATE_ROW]] = gradient[start : start + rows]
            kept.append(own)
        self._gradients, self._has_terms = (kept[0], kept[1]), True
        if bool(torch.isfinite(loss)):
            self._note(logged)
        return loss.detach()

    def source_side(self, rows: Mapping[str, Tensor], chosen: Tensor) -> Features:
        """Return the features of the source's rows, with losses; there may be none."""
        pooled, logits, labels = (rows[name][chosen] for name in ("pooled", "logits", "labels"))
        losses = self.trainer.context.loss(logits, labels) if len(logits) else logits.new_zeros(0)
        domains = rows[DOMAIN][chosen] if self.trainer.sources is not None else None
        return Features(pooled, logits, losses, labels.is_floating_point(), domains=domains)

    def _target_side(self, rows: Mapping[str, Tensor], chosen: Tensor) -> Features:
        """Return the features of the target's rows; with losses, where methods give or need its labels."""
        pooled, logits, labels = (rows[name][chosen] for name in ("pooled", "logits", "labels"))
        multi_label = labels.is_floating_point()
        teacher = rows[TEACHER_LOGITS][chosen] if TEACHER_LOGITS in rows else None
        if any(method.needs.target_labels for method in self.trainer.methods):
            return Features(pooled, logits, self.trainer.context.loss(logits, labels), multi_label, teacher=teacher)
        if not any(Change.TARGET_LABELS in method.changes for method in self.trainer.methods):
            return Features(pooled, logits, None, multi_label, teacher=teacher)
        labelled = has_label(labels)
        losses = logits.new_zeros(len(logits))
        if bool(labelled.any()):
            learned = self.trainer.context.loss(logits[labelled], labels[labelled])
            losses = losses.masked_scatter(labelled, learned.to(losses))
        return Features(pooled, logits, losses, multi_label, labelled, teacher=teacher)

    def _gathered(self, local: dict[str, Tensor]) -> tuple[dict[str, Tensor], int]:
        """Return the rows of all processes, in their order, and where this one's begin."""
        if self.trainer.args.world_size == 1:
            return {name: value.clone() for name, value in local.items()}, 0
        counts = gather_object([len(local["pooled"])])
        gathered = {}
        for name, value in local.items():
            whole = self.trainer.accelerator.gather(
                self.trainer.accelerator.pad_across_processes(value.contiguous(), dim=0)
            )
            parts = whole.view(len(counts), max(counts), *value.shape[1:])
            gathered[name] = torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
        return gathered, sum(counts[: self.trainer.args.process_index])

    # ---- log and checkpoints ----

    def _note(self, logged: Mapping[str, float]) -> None:
        for name, value in logged.items():
            total, updates = self._logged.get(name, (0.0, 0))
            self._logged[name] = total + value, updates + 1

    def log(self, logs: dict[str, float]) -> dict[str, float]:
        """Add the parts of the loss: means over the updates since the last log entry that had them."""
        if "loss" not in logs or not self._logged:
            return logs
        logged, self._logged = self._logged, {}
        return {**logs, **{name: total / updates for name, (total, updates) in logged.items()}}

    def state_dict(self) -> dict[str, Any]:
        """Return the networks' weights, and what is to be logged."""
        networks = self.trainer.networks
        return {"logged": self._logged, **({} if networks is None else networks.state_dict())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take both over."""
        self._logged = {name: (total, updates) for name, (total, updates) in state["logged"].items()}
        if self.trainer.networks is not None:
            self.trainer.networks.load_state_dict({name: x for name, x in state.items() if name != "logged"})
