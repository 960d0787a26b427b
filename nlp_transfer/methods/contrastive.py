"""Supervised contrastive training: bring texts of one class together in the encoder, then fit a linear head.

    L = mean over texts i of  - sum over j of w_ij log softmax_j(z_i · z_j / temperature) / sum over j of w_ij

z are the pooled states of the last layer, of length 1; each text is in a batch twice, under two draws of dropout. w_ij
is 1 for texts of one class and 0 for others; of texts with several labels, the share of their labels that they have in
common. The number of steps follows from the number of texts, not of pairs.
Reference: Khosla et al. (2020), https://arxiv.org/abs/2004.11362
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

from nlp_transfer.errors import TrainingError
from nlp_transfer.methods.base import Needs
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.lora import LoRA
from nlp_transfer.methods.probing import TEMPERATURE, LinearProbing
from nlp_transfer.methods.step_state import StepState
from nlp_transfer.methods.text_batches import TrainedTexts, balanced_batches, copy_from_first_process, fast_passes
from nlp_transfer.models.outputs import Output
from nlp_transfer.progress import counted

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel

MIN_STEPS, STEPS_PER_CLASS, PASSES = 20, 4, 3
"""Steps where none are named: so many, so many a class, or so many passes over the texts, whichever is most."""

RATE, LORA_RATE = 3e-5, 3e-4
"""Largest learning rates where none is named, of all weights and of adapters."""

WEIGHT_DECAY = 0.01


@final
@dataclass(frozen=True)
class Contrastive(LinearProbing):
    """Train the encoder by a contrastive loss on all labels of a batch, then fit a head on it.

    Other fields: see `LinearProbing`. The head is chosen on validation; without such rows it is a logistic regression
    on the last layer with a penalty of 1, since the encoder has seen the rows of a cross-validation.

    Args:
        layers: the layers that a head chosen on validation may read; None is the last one, which is trained.
        l2: the penalties to try on validation.
        losses: the heads to try on validation; see `LinearProbing`.
        steps: number of optimizer steps; None is 20, four a class, or three passes over the texts, whichever is most.
        texts_per_step: maximum number of texts of a step, each of which is read twice.
        learning_rate: largest one of the encoder; it warms up over a tenth of the steps, and falls to 0. None is 3e-5,
            and 3e-4 for adapters.
        temperature: divides the similarities.
        lora_r: rank of LoRA adapters that are trained in place of all weights, and merged into them; None has none.

    Example:
        >>> data = {"train_dataset": rows, "eval_dataset": validation_rows}
        >>> trainer = TransferTrainer(model, arguments, **data, methods=[Contrastive(steps=2)])
        >>> trainer.train().global_step
        0
    """

    name: ClassVar[str] = "contrastive"
    citation: ClassVar[str] = "Khosla et al. (2020), https://arxiv.org/abs/2004.11362"
    needs: ClassVar[Needs] = Needs(outputs=LinearProbing.needs.outputs | {Output.TOKENS})
    trains: ClassVar[bool] = False
    tries_all_layers: ClassVar[bool] = False

    steps: int | None = None
    texts_per_step: int = 64
    learning_rate: float | None = None
    temperature: float = TEMPERATURE
    lora_r: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_values(
            steps=(self.steps is None or self.steps >= 1, "1 or more, or null"),
            texts_per_step=(self.texts_per_step >= 2, "2 or more: texts are compared with one another"),
            temperature=(0 < self.temperature < math.inf, "more than 0"),
            lora_r=(self.lora_r is None or self.lora_r >= 1, "a rank of 1 or more, or null"),
        )

    @property
    def rate(self) -> float:
        """The largest learning rate."""
        return self.learning_rate or (RATE if self.lora_r is None else LORA_RATE)

    def check(self, model: "PreTrainedModel") -> None:
        """Check that the encoder has the layers and poolings, and can get the adapters."""
        super().check(model)
        if self.lora_r is not None:
            LoRA(r=self.lora_r).check(model)

    def prepare(self, model: "PreTrainedModel", context: Context) -> "nn.Module":
        """Train the encoder, and fit the head."""
        from nlp_transfer.models.heads.pooling import folded_modules

        with self._adapters(model, context), fast_passes(model):
            losses, earlier_seconds = self._train_encoder(model, context)
        unseen = replace(context, activations=None)  # no other run has these weights
        probe = self
        if not len(context.validation):
            layers, pooling = self.candidate_layers(model)[-1:], [self.trained_pooling(model)]
            probe = replace(self, layers=layers, pooling=pooling, losses=["task"], l2=[1.0])
        for module in folded_modules(model, probe.fit(model, unseen)):
            module.requires_grad_(False)
        context.facts[self.name] |= {"steps": len(losses), "first loss": losses[0], "last loss": losses[-1]}
        if earlier_seconds:
            context.facts[self.name]["earlier_seconds"] = earlier_seconds
        return model

    @contextmanager
    def _adapters(self, model: "PreTrainedModel", context: Context) -> Iterator[None]:
        """Train adapters inside, if so set, and merge them into the model's weights at the end."""
        if self.lora_r is None:
            yield
            return
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        adapted: Any = LoRA(r=self.lora_r).prepare(model, replace(context, facts={}))
        yield
        adapted.merge_and_unload()
        for parameter in trained:
            parameter.requires_grad_(True)

    def trained_pooling(self, model: "PreTrainedModel") -> str:
        """Return the pooling whose features are trained: the first that is named or possible."""
        return self.candidate_poolings(model)[0]

    def _steps(self, labels: "Tensor") -> int:
        """Return the number of steps for texts with these labels."""
        classes = labels.shape[1] if labels.ndim == 2 else len(labels.unique())
        return max(MIN_STEPS, STEPS_PER_CLASS * classes, PASSES * math.ceil(len(labels) / self.texts_per_step))

    def _train_encoder(self, model: "PreTrainedModel", context: Context) -> tuple[list[float], float]:
        """Train the encoder; return the loss of each step, and the seconds of those before an interruption."""
        import torch
        from torch.nn.functional import normalize
        from transformers import get_linear_schedule_with_warmup

        from nlp_transfer.models.heads.pooling import use_full_attention

        texts = TrainedTexts(model, context, self.trained_pooling(model))
        count = self.steps or self._steps(texts.labels)
        use_full_attention(model)
        optimizer = torch.optim.AdamW(texts.parameters, lr=self.rate, weight_decay=WEIGHT_DECAY)
        schedule = get_linear_schedule_with_warmup(optimizer, math.ceil(count / 10), count)
        batches = balanced_batches(texts.labels.numpy(), self.texts_per_step, context.seed)
        file = None if context.folder is None else context.folder / f"{self.name}.safetensors"
        settings = {**asdict(self), "steps": count, "seed": context.seed, "texts": len(texts.labels)}
        state = StepState(file, settings, texts.parameters, optimizer, schedule)
        losses = state.restore()
        for _ in losses:
            next(batches)
        model.train()
        for step in counted(range(len(losses), count), "Contrastive training"):
            rows = next(batches)
            labels = texts.labels[torch.tensor([*rows, *rows])].to(model.device)
            loss = contrastive_loss(normalize(texts.features([*rows, *rows])), labels, self.temperature)
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"contrastive: the loss of step {len(losses) + 1} is not finite. Lower contrastive.learning_rate, "
                    f"which is {self.rate:g}, or raise contrastive.temperature."
                )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(texts.parameters, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
            state.save_if_due(losses, last=step == count - 1)
        optimizer.zero_grad()
        model.eval()
        copy_from_first_process(model)
        return losses, state.earlier_seconds


def contrastive_loss(features: "Tensor", labels: "Tensor", temperature: float) -> "Tensor":
    """Return the loss of a batch; texts without another one of their class have none.

    Args:
        features: of length 1, shape (batch, hidden).
        labels: class ids, shape (batch,), or zeros and ones, shape (batch, classes). Two texts without a label have all
            in common.

    Example:
        >>> import torch
        >>> features, labels = torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])
        >>> contrastive_loss(features, labels, temperature=1.0)
        tensor(0.5514)
    """
    import torch

    similarity = features @ features.T / temperature
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    logs = similarity.masked_fill(itself, -math.inf).log_softmax(dim=1).masked_fill(itself, 0.0)
    weights = _in_common(labels).to(features).masked_fill(itself, 0.0)
    total = weights.sum(dim=1)
    losses = -(weights * logs).sum(dim=1) / total.clamp(min=1e-9)
    return losses[total > 0].mean()


def _in_common(labels: "Tensor") -> "Tensor":
    """Return the share of their labels that each two texts have in common, shape (batch, batch)."""
    import torch

    if labels.ndim == 1:
        return labels[:, None] == labels
    given = labels.double()
    both = given @ given.T
    either = given.sum(dim=1)[:, None] + given.sum(dim=1) - both
    return torch.where(either > 0, both / either.clamp(min=1), torch.ones_like(both))
