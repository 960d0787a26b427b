"""Target texts with hidden tokens, which are guessed beside the task: the part of an update that methods ask for.

    L_MLM = sum over the hidden tokens of the update of -log p(token) / how many they are

The sum runs over all processes and micro-batches. Which tokens are hidden follows from the seed and from the place that
a text has in the endless order of target texts: a resumed run hides the same, and so do accumulation and processes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlp_transfer.data.encoding.masking import TokenMasker
from nlp_transfer.data.encoding.token_chunks import NO_WORD
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.target_mlm import MaskedLMSettings, TargetMLM
from nlp_transfer.models.families import plain_model
from nlp_transfer.training.target_batches import MASKED_LABELS

if TYPE_CHECKING:
    from accelerate import Accelerator


class MaskedLMObjective:
    """Hides tokens of target texts, and computes how well they are guessed.

    Args:
        method: asks for it.
        head: guesses (models/heads/masked_lm.py).
        tokenizer: of the texts.
        seed: of what is hidden.

    Raises:
        ConfigError: the tokenizer has no mask token, or there is none.
    """

    def __init__(self, method: TargetMLM, head: nn.Module, tokenizer: Any, seed: int) -> None:
        asked = method.hidden_tokens()
        self.name, self.head, self.seed = method.name, head, seed
        self.settings: MaskedLMSettings = asked
        self.masks = masks_for(method.name, tokenizer, asked.probability)
        self._special = np.asarray(sorted(tokenizer.all_special_ids))
        self._count = torch.ones(())
        self._sum: Tensor | None = None

    def hide(self, batch: dict[str, Tensor], places: Sequence[int]) -> None:
        """Hide tokens of a batch of target texts, in place; the labels of what is to be guessed join it.

        Args:
            batch: with `input_ids` and `attention_mask`.
            places: of its rows in the endless order.
        """
        ids = batch["input_ids"].cpu().numpy()
        real = batch["attention_mask"].cpu().numpy() > 0
        words = np.where(real & ~np.isin(ids, self._special), np.arange(ids.shape[1]), NO_WORD)
        drawn = [
            self.masks.draw(row, free, np.random.default_rng([self.seed, place]))
            for row, free, place in zip(ids, words, places, strict=True)
        ]
        batch["input_ids"] = torch.from_numpy(np.stack([seen for seen, _ in drawn])).to(batch["input_ids"])
        batch[MASKED_LABELS] = torch.from_numpy(np.stack([labels for _, labels in drawn])).to(batch["input_ids"])

    def begin(self, batches: Sequence[dict[str, Any]], accelerator: "Accelerator") -> None:
        """Count the hidden tokens of an update. On all processes together."""
        count = torch.tensor(float(sum(int((batch[MASKED_LABELS] != IGNORE_INDEX).sum()) for batch in batches)))
        self._count = accelerator.reduce(count.to(accelerator.device), "sum").clamp(min=1.0)
        self._sum = None

    @contextmanager
    def states(self, model: nn.Module) -> Iterator[list[Tensor]]:
        """What the encoder's forward passes inside the block end with, shape (batch, tokens, hidden) each."""
        seen: list[Tensor] = []
        encoder = plain_model(model).base_model
        handle = encoder.register_forward_hook(lambda module, args, output: seen.append(output[0]))
        try:
            yield seen
        finally:
            handle.remove()

    def loss(self, states: Tensor, guessed: Tensor) -> Tensor:
        """A pass's share of the weighted loss of the update, a scalar.

        Args:
            states: the encoder's last, shape (batch, tokens, hidden).
            guessed: labels, `IGNORE_INDEX` where nothing is to be guessed, shape (batch, tokens).
        """
        hidden = guessed != IGNORE_INDEX
        if not bool(hidden.any()):
            return states.sum() * 0.0
        losses = functional.cross_entropy(self.head(states[hidden]).float(), guessed[hidden], reduction="sum")
        share = losses / self._count
        self._sum = share.detach() if self._sum is None else self._sum + share.detach()
        return self.settings.weight * share

    def end(self, accelerator: "Accelerator") -> float | None:
        """Add the processes' gradients of the head; returns the loss of the update. On all processes together.

        None where no pass was made.
        """
        if accelerator.num_processes > 1:
            for parameter in self.head.parameters():
                if parameter.requires_grad:
                    own = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                    parameter.grad = accelerator.reduce(own, "mean")  # each process has counted its part so many times
            whole = torch.zeros((), device=accelerator.device) if self._sum is None else self._sum
            self._sum = accelerator.reduce(whole, "sum")
        return None if self._sum is None else self._sum.item()


def masks_for(name: str, tokenizer: Any, probability: float) -> TokenMasker:
    """Masks of single tokens.

    Args:
        name: the method's, for messages.
        tokenizer: of the texts.
        probability: of a token to be hidden.

    Raises:
        ConfigError: the tokenizer has no mask token, or there is none.
    """
    if tokenizer is None:
        raise ConfigError(f"{name} hides words of texts and needs the tokenizer: pass processing_class=tokenizer.")
    if getattr(tokenizer, "mask_token_id", None) is None:
        raise ConfigError(
            f"{name} hides words of texts, and the tokenizer has no mask token. Name an encoder that was pretrained "
            "with masks."
        )
    return TokenMasker.of(tokenizer, probability=probability, whole_words=False)
