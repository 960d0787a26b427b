"""Adaptation to a target domain: the methods' terms beside the task's loss, over all rows of an update at once.

The loss (total_loss.py) is computed of the pooled features and logits of the whole update, those of all processes and
micro-batches: it is the same for one process, accumulation, `max_tokens_per_forward` and several processes.

Each process computes it from all features, and its gradient with respect to them; what flows back into the encoder is
that gradient at the process's own rows. Where an update is made in several forward passes, a first one without
gradients collects the features (as in GradCache, https://arxiv.org/abs/2101.06983), with the dropout that the second
one draws again. Source and target rows share one forward pass.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor, nn

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.methods.base import Features
from nlp_transfer.methods.masked_tokens import MaskedLMObjective
from nlp_transfer.models.families import plain_model
from nlp_transfer.training.extensions.oom_guard import random_state, set_random_state
from nlp_transfer.training.extensions.pseudo_labels import PseudoLabelMixin
from nlp_transfer.training.features import features, row_labels
from nlp_transfer.training.method_networks import PSEUDO_LABELS
from nlp_transfer.training.optimizer_step import REPEATED, SOURCE_DOMAINS, UpdateMixin, row_count
from nlp_transfer.training.source_weights import Sources
from nlp_transfer.training.target_batches import (
    DOMAIN,
    MASKED_LABELS,
    TARGET,
    UPDATE_ROW,
    InfiniteSampler,
    batch_of,
    has_label,
    label_column,
    mixed,
    uncounted,
)
from nlp_transfer.training.total_loss import AdaptationLoss, total_loss


class AdaptationMixin(PseudoLabelMixin, UpdateMixin):
    """See the module's text. A part of `TransferMixin`."""

    networks: nn.ModuleDict | None = None
    _gradients: tuple[Tensor, Tensor] | None = None
    """What the loss of the update changes by with its pooled features and logits, of this process's rows."""

    _has_terms = False
    """Whether the loss of the update was computed with the methods' terms."""

    _guessing: MaskedLMObjective | None = None
    """Guesses hidden tokens of target texts, where a method asks for it."""

    shown: dict[str, tuple[float, int]]
    """What the updates since the last logged step have shown: sums, and of how many updates."""

    _sources: Sources | None = None
    """The domains of the training rows, where they have several."""

    # ---- before training ----

    @property
    def adapts(self) -> bool:
        """Whether training sees the target."""
        return any(method.uses_target() for method in self.methods)

    def _refuse_what_cannot_adapt(self) -> None:
        problem = None
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            problem = "the model is sharded over processes, and each must hold all of it"
        elif self.args.n_gpu > 1:
            problem = "one process computes on several GPUs; start one process for each"
        elif self.args.label_smoothing_factor:
            problem = "label_smoothing_factor is set, and the loss is computed a row at a time"
        elif self._sources is not None and not self.args.remove_unused_columns:
            problem = "remove_unused_columns is off, and the rows' source domains would not be known"
        elif not hasattr(self.train_dataset, "__len__"):
            problem = "the training rows are a stream without a length"
        if problem:
            names = " and ".join(method.name for method in self.methods if method.needs_target)
            raise ConfigError(f"{names} cannot be used here: {problem}.")

    def _inner_training_loop(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`."""
        if self.adapts:
            self._refuse_what_cannot_adapt()
            target: Any = self.context.target if self.context is not None else None
            self._endless = InfiniteSampler(len(target), self.args.seed)
            hiding = next((method for method in self.methods if method.masks_target), None)
            if hiding is not None:
                assert self.networks is not None
                head = self.networks[hiding.name]
                self._guessing = MaskedLMObjective(hiding, head, self.processing_class, self.args.seed)
            self._target_rows = target
        return super()._inner_training_loop(*args, **kwargs)

    # ---- an update ----

    def _origin_columns(self) -> dict[str, str]:
        """Batches of several sources bring along where their rows are from."""
        domain = {DOMAIN_COLUMN: SOURCE_DOMAINS} if self.adapts and self._sources is not None else {}
        return {**super()._origin_columns(), **domain}

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; target rows join the source rows of each micro-batch."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        if self.adapts:
            self._has_terms = False
            self._label_targets()
            self._drop_update()
            batches[:] = list(self._with_target(batches))
            if self._guessing is not None:
                self._guessing.begin(batches, self.accelerator)
        return batches, items

    def _with_target(self, batches: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        size, processes = self._train_batch_size, self.args.world_size
        first = self.state.global_step * size * processes * self.args.gradient_accumulation_steps
        padding = getattr(self.processing_class, "pad_token_id", None)
        if padding is None:
            padding = plain_model(self.accelerator.unwrap_model(self.model)).config.pad_token_id or 0
        start = 0
        for number, batch in enumerate(batches):
            rows = row_count(batch)
            place = first + (number * processes + self.args.process_index) * size
            target = self._collated(self._endless.take(place, rows))
            if self._guessing is not None:
                self._guessing.hide(target, range(place, place + rows))
            made = mixed(batch, target, padding=padding, start=start)
            yield uncounted(made) if REPEATED in batch else made
            start += 2 * rows

    def _collated(self, rows: list[int]) -> dict[str, Tensor]:
        """Target rows as a batch, with labels where a method asked for them or gives them."""
        assert self.context is not None
        batch = batch_of(self._target_rows, rows, self.context, self.args.device)
        if label_column(self._target_rows) is not None:
            return batch
        meaningless = batch.pop("labels")
        if self.pseudo_labels is not None:
            labels = self.pseudo_labels[rows].to(self.args.device)
            batch["labels"] = torch.where(labels >= 0, labels, IGNORE_INDEX).to(meaningless)
        return batch

    def _drop_update(self) -> None:
        """The update begins, or begins again, or is left out: nothing of it stays outside the model either."""
        super()._drop_update()
        self._gradients = None
        if self.networks is not None:
            for parameter in self.networks.parameters():
                parameter.grad = None

    def needs_collective_forward(self) -> bool:
        """Whether the processes need one another within the forward passes of an update."""
        return self.adapts

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """As in `Trainer`; for a batch with target rows see the module's text."""
        if DOMAIN not in inputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        plain = self.accelerator.unwrap_model(model)
        value = torch.zeros((), device=self.args.device)
        places = inputs[UPDATE_ROW]
        if self._gradients is None and not self._in_one_pass():
            value = self._look_ahead(plain)
        seeing: AbstractContextManager[list[Tensor]] = nullcontext([])
        if self._guessing is not None:
            seeing = self._guessing.states(plain)
        with seeing as states:
            pooled, logits = features(plain, model, inputs)
        if self._gradients is None:
            value = self._differentiate(pooled.detach(), logits.detach(), [inputs])
        assert self._gradients is not None
        by_pooled, by_logits = (gradient[places] for gradient in self._gradients)
        # DDP averages over processes what is to be added up.
        flowing = self.args.world_size * ((pooled * by_pooled).sum() + (logits * by_logits).sum())
        guessing = 0.0
        if self._guessing is not None:
            guessing = self.args.world_size * self._guessing.loss(states[-1], inputs[MASKED_LABELS])
        return value + (flowing - flowing.detach()) + guessing

    def _get_grad_norm(self, model: nn.Module, grad_norm: Any = None) -> Any:
        """As in `Trainer`; the processes' parts of what they guess are added up before.

        Raises:
            TrainingError: the update's loss has no terms of the methods, since a user's own was taken in its place.
        """
        if self.adapts and not self._has_terms:
            names = " and ".join(method.name for method in self.methods if method.uses_target())
            place = "training_step" if self.overrides("training_step") else "compute_loss"
            raise TrainingError(
                f"Step {self.state.global_step + 1}: {type(self).__name__} has a {place} of its own, which never calls "
                f"TransferTrainer's compute_loss, so {names} had no effect on the loss. The weights did not take this "
                "update. Compute the loss by that (self.compute_loss(model, inputs)), or leave the method out."
            )
        if self._guessing is not None and (loss := self._guessing.end(self.accelerator)) is not None:
            self._note({f"{self._guessing.name}_loss": loss})
        return super()._get_grad_norm(model, grad_norm)

    def _passes(self) -> list[dict[str, Any]]:
        assert self._update is not None
        parts: Any = self
        return [part for batch in self._update.batches for part in parts._parts(batch)]

    def _in_one_pass(self) -> bool:
        """Whether one forward pass makes the update, on every process."""
        several = torch.tensor(float(len(self._passes()) > 1), device=self.args.device)
        if self.args.world_size > 1:
            several = self.accelerator.reduce(several, "sum")
        return not bool(several)

    @torch.no_grad()
    def _look_ahead(self, model: nn.Module) -> Tensor:
        """The gradients of an update of several passes; the random state is put back for them."""
        before, parts = random_state(self.args.device), self._passes()
        found = [features(model, model, part) for part in parts]
        set_random_state(before, self.args.device)
        return self._differentiate(torch.cat([x for x, _ in found]), torch.cat([x for _, x in found]), parts)

    def _differentiate(self, pooled: Tensor, logits: Tensor, parts: list[dict[str, Any]]) -> Tensor:
        """Compute the loss of the update and keep its gradients; returns its value."""
        assert self.context is not None
        rows = len(pooled)
        names = ("labels", DOMAIN, UPDATE_ROW)
        local = {
            name: torch.cat([row_labels(part[name]) if name == "labels" else part[name] for part in parts])
            for name in names
            if name in parts[0]
        }
        local |= {"pooled": pooled, "logits": logits}
        everything, start = self._gathered(local)
        leaves = [everything[name].requires_grad_() for name in ("pooled", "logits")]
        networks = self.networks if self.networks is not None else nn.ModuleDict()
        free = list(networks.parameters())
        with torch.enable_grad(), torch.autocast(self.args.device.type, enabled=False):
            of_target = everything[DOMAIN] == TARGET
            source = self._source_side(everything, everything[DOMAIN] >= 0)
            target = self._target_side(everything, of_target)
            progress = self.state.global_step / max(1, self.state.max_steps)
            loss = total_loss(self.methods, source, target, progress, dict(networks.items()))
            found = torch.autograd.grad(loss.total, [*leaves, *free], allow_unused=True)
        scaler = getattr(self.accelerator, "scaler", None)
        for parameter, gradient in zip(free, found[2:], strict=True):
            if gradient is not None:  # the optimizer divides by the scale of fp16's losses
                parameter.grad = gradient if scaler is None else gradient * scaler.get_scale()
        kept = []
        for leaf, gradient in zip(leaves, found[:2], strict=True):
            own = torch.zeros_like(leaf[:rows])
            if gradient is not None:
                own[local[UPDATE_ROW]] = gradient[start : start + rows]
            kept.append(own)
        self._gradients, self._has_terms = (kept[0], kept[1]), True
        self._show(loss)
        return loss.total.detach()

    def _source_side(self, rows: Mapping[str, Tensor], chosen: Tensor) -> Features:
        """The features of the source's rows, with losses."""
        assert self.context is not None
        pooled, logits, labels = (rows[name][chosen] for name in ("pooled", "logits", "labels"))
        losses = self.context.loss(logits, labels)
        domains = rows[DOMAIN][chosen] if self._sources is not None else None
        return Features(pooled, logits, losses, labels.is_floating_point(), domains=domains)

    def _target_side(self, rows: Mapping[str, Tensor], chosen: Tensor) -> Features:
        """The features of the target's rows; with losses, where its labels are to be seen."""
        assert self.context is not None
        pooled, logits, labels = (rows[name][chosen] for name in ("pooled", "logits", "labels"))
        multi_label = labels.is_floating_point()
        if any(method.needs_target_labels for method in self.methods):
            return Features(pooled, logits, self.context.loss(logits, labels), multi_label)
        if self.pseudo_labels is None:
            return Features(pooled, logits, None, multi_label)
        labelled = has_label(labels)
        losses = logits.new_zeros(len(logits))
        if bool(labelled.any()):
            learned = self.context.loss(logits[labelled], labels[labelled])
            losses = losses.masked_scatter(labelled, learned.to(losses))
        return Features(pooled, logits, losses, multi_label, labelled)

    def _gathered(self, local: dict[str, Tensor]) -> tuple[dict[str, Tensor], int]:
        """The rows of all processes, in their order, and where this one's begin."""
        if self.args.world_size == 1:
            return {name: value.clone() for name, value in local.items()}, 0
        counts = gather_object([len(local["pooled"])])
        found = {}
        for name, value in local.items():
            whole = self.accelerator.gather(self.accelerator.pad_across_processes(value.contiguous(), dim=0))
            parts = whole.view(len(counts), max(counts), *value.shape[1:])
            found[name] = torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
        return found, sum(counts[: self.args.process_index])

    # ---- log and checkpoints ----

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`."""
        self.shown = {}
        return super().train(*args, **kwargs)

    def _show(self, loss: AdaptationLoss) -> None:
        if bool(torch.isfinite(loss.total)):
            self._note(loss.shown)

    def _note(self, shown: Mapping[str, float]) -> None:
        for name, value in shown.items():
            total, updates = self.shown.get(name, (0.0, 0))
            self.shown[name] = total + value, updates + 1

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As in `Trainer`, with the parts of the loss: means over the updates since the last log that had them."""
        if "loss" in logs and self.shown:
            logs |= {name: total / updates for name, (total, updates) in self.shown.items()}
            self.shown = {}
        elif "loss" in logs and not self.adapts:
            for method in self.methods:
                for name, value in method.log_values().items():
                    logs |= {"source_loss": logs["loss"], f"{method.name}_{name}": value}
        super().log(logs, start_time)

    def network_states(self) -> dict[str, Tensor]:
        """The methods' own networks, and pseudo-labels."""
        labels = {} if self.pseudo_labels is None else {PSEUDO_LABELS: self.pseudo_labels}
        return {**({} if self.networks is None else self.networks.state_dict()), **labels}

    def load_network_states(self, states: dict[str, Tensor]) -> None:
        """Take them over from a checkpoint."""
        if self.adapts:
            self.pseudo_labels = states.pop(PSEUDO_LABELS, None)
            if self.networks is not None:
                self.networks.load_state_dict(states)
