"""Mask tokens of target texts and learn to predict them, in the same forward pass as the task.

    L_MLM = sum over the masked tokens of the update of -log p(token) / their number

The sum runs over all processes and micro-batches. Which tokens are masked follows from the seed and the position of a
text in the endless order of target texts: a resumed run masks the same, and so do accumulation and processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_transfer.data.encoding.masking import TokenMasker
from nlp_transfer.data.encoding.token_chunks import NO_WORD
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.extension import Batch, Extension
from nlp_transfer.models.families import plain_model

MASKED_LABELS = "masked_labels"
"""The key of a batch for masked tokens; int64, shape (rows, tokens), `IGNORE_INDEX` elsewhere."""


class MaskedTokens(Extension):
    """Mask tokens of target rows, and add the loss of predicting them to that of each forward pass."""

    def __init__(self, name: str, weight: float, probability: float) -> None:
        self.name, self.weight, self.probability = name, weight, probability
        self._count = torch.ones(())  # masked tokens of the update
        self._sum: Tensor | None = None  # this update's loss so far
        self._logged = (0.0, 0)  # since the last log entry: the sum of losses, and of how many updates

    @contextmanager
    def training(self) -> Iterator[None]:
        """Begin a run; raise ConfigError where there is no tokenizer with a mask token."""
        self._mask = target_masks(self.name, self.trainer, self.probability)
        self._logged = (0.0, 0)
        yield

    def prepare_target(self, batch: Batch, rows: Sequence[int], positions: Sequence[int]) -> None:
        """Mask tokens of target rows; their labels join the batch."""
        batch["input_ids"], batch[MASKED_LABELS] = self._mask(batch, positions)

    def prepare_step(self, batches: list[Batch]) -> list[Batch]:
        """Count the masked tokens of the update, on all processes."""
        accelerator = self.trainer.accelerator
        count = torch.tensor(float(sum(int((batch[MASKED_LABELS] != IGNORE_INDEX).sum()) for batch in batches)))
        self._count = accelerator.reduce(count.to(accelerator.device), "sum").clamp(min=1.0)
        self._sum = None
        return batches

    def loss(self, compute: Any, model: nn.Module, batch: Batch, return_outputs: bool, num_items: Any) -> Any:
        """Add the loss of the batch's masked tokens, from the states of the same forward pass."""
        if MASKED_LABELS not in batch:
            return compute(model, batch, return_outputs, num_items)
        last: list[Tensor] = []
        encoder = plain_model(self.trainer.accelerator.unwrap_model(model)).base_model
        handle = encoder.register_forward_hook(lambda module, args, output: last.__setitem__(slice(None), [output[0]]))
        try:
            value = compute(model, batch, return_outputs, num_items)
        finally:
            handle.remove()
        # DDP averages over processes what is to be added up.
        return value + self.trainer.args.world_size * self.weight * self._share(last[0], batch[MASKED_LABELS])

    def _share(self, states: Tensor, labels: Tensor) -> Tensor:
        """Return a pass's share of the update's loss, a scalar."""
        masked = labels != IGNORE_INDEX
        if not bool(masked.any()):
            return states.sum() * 0.0
        scores = self.trainer.networks[self.name](states[masked]).float()
        share = functional.cross_entropy(scores, labels[masked], reduction="sum") / self._count
        self._sum = share.detach() if self._sum is None else self._sum + share.detach()
        return share

    def before_optimizer_step(self, grad_norm: Any, model: nn.Module) -> Any:
        """Add the processes' gradients of the head, and note the loss of the update."""
        accelerator = self.trainer.accelerator
        if accelerator.num_processes > 1:
            for parameter in self.trainer.networks[self.name].parameters():
                if parameter.requires_grad:
                    own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                    parameter.grad = accelerator.reduce(own, "mean")  # each process has counted its part so many times
            whole = torch.zeros((), device=accelerator.device) if self._sum is None else self._sum
            self._sum = accelerator.reduce(whole, "sum")
        if self._sum is not None:
            self._logged = self._logged[0] + self._sum.item(), self._logged[1] + 1
        return grad_norm

    def reset_step(self) -> None:
        """Forget the loss of the update."""
        self._sum = None

    def log(self, logs: dict[str, float]) -> dict[str, float]:
        """Add the mean loss of the updates since the last log entry."""
        total, updates = self._logged
        if "loss" not in logs or not updates:
            return logs
        self._logged = (0.0, 0)
        return {**logs, f"{self.name}_loss": total / updates}

    def state_dict(self) -> dict[str, Any]:
        """Return what is to be logged."""
        return {"logged": self._logged}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take it over."""
        total, updates = state["logged"]
        self._logged = (total, updates)


def target_masks(
    name: str, trainer: Any, probability: float
) -> Callable[[Batch, Sequence[int]], tuple[Tensor, Tensor]]:
    """Return what masks a batch of target texts, given their positions in the endless order of texts.

    It returns the masked token ids and their labels, int64, shape (rows, tokens) each. Raises ConfigError where there
    is no tokenizer with a mask token.
    """
    tokenizer, seed = trainer.processing_class, trainer.args.seed
    masker = masks_for(name, tokenizer, probability)
    special = np.asarray(sorted(tokenizer.all_special_ids))

    def mask(batch: Batch, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        ids = batch["input_ids"].cpu().numpy()
        real = batch["attention_mask"].cpu().numpy() > 0
        words = np.where(real & ~np.isin(ids, special), np.arange(ids.shape[1]), NO_WORD)
        drawn = [
            masker.draw(row, free, np.random.default_rng([seed, position]))
            for row, free, position in zip(ids, words, positions, strict=True)
        ]
        seen, labels = (torch.from_numpy(np.stack(part)).to(batch["input_ids"]) for part in zip(*drawn, strict=True))
        return seen, labels

    return mask


def masks_for(name: str, tokenizer: Any, probability: float) -> TokenMasker:
    """Return a masker of single tokens; raise ConfigError where there is no tokenizer with a mask token."""
    if tokenizer is None:
        raise ConfigError(f"{name} masks tokens and needs the tokenizer: pass processing_class=tokenizer.")
    if getattr(tokenizer, "mask_token_id", None) is None:
        raise ConfigError(
            f"{name} masks tokens, and the tokenizer has no mask token. Name a masked language model, or "
            f"leave {name} out: methods: [full_fine_tuning] only scores the target."
        )
    return TokenMasker.of(tokenizer, probability=probability, whole_words=False)
