"""Score the sentences of a document by an encoder with transformer layers between sentences.

    tokens -> encoder -> mean of each sentence's tokens, normalised, + its position -> layers -> one logit a sentence

The mean of its tokens represents a sentence from the start; BertSum's markers need many documents to be learned. The
class is made from the family's own base class (`BertForExtractiveSummarization`, …), so that adapters and freezing work
as for a classifier. `AutoConfig` and `AutoModel` know its model type after `register_models`.
Reference: Liu & Lapata (2019), https://arxiv.org/abs/1908.08345 (BertSumExt), https://arxiv.org/abs/1903.10318
"""

import inspect
import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, PreTrainedConfig
from transformers.modeling_outputs import ModelOutput

from nlp_transfer.models.extractive_config import (
    EXTRACTIVE_PREFIX,
    extractive_config,
    saved_config,
    to_family_config,
    to_saved_config,
)
from nlp_transfer.models.families import EXTRACTIVE, SENTENCE_HEAD
from nlp_transfer.models.family_table import FAMILIES
from nlp_transfer.models.loading import LoadedModel, load_pretrained, random_parameters_note
from nlp_transfer.models.reference import ModelReference

LAYERS = 2
"""Number of layers between sentences, as in BertSum."""

DROPOUT = 0.1

POSITION_SCALE = 0.3
"""Scale of positions relative to normalised states; at 1, few documents teach positions only."""

NO_SENTENCE = -1
"""Marker that pads a row."""


@dataclass
class SentenceScores(ModelOutput):
    """Hold the mean loss of scored sentences, their logits, (batch, sentences), and requested encoder states."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Any = None


class SentenceLayer(nn.Module):
    """Mix the sentences of a row by a pre-norm transformer layer."""

    def __init__(self, hidden: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(hidden, eps=1e-6)
        self.mixing_in = nn.Linear(hidden, 3 * hidden)
        self.mixing_out = nn.Linear(hidden, hidden)
        self.widening_norm = nn.LayerNorm(hidden, eps=1e-6)
        self.widening = nn.Linear(hidden, 4 * hidden)
        self.narrowing = nn.Linear(4 * hidden, hidden)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return new states, (batch, sentences, hidden); `mask` is True for real sentences, (batch, sentences)."""
        rows, count, hidden = states.shape
        parts = self.mixing_in(self.attention_norm(states)).view(rows, count, 3, self.heads, hidden // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        states = states + self.dropout(self.mixing_out(mixed.transpose(1, 2).reshape(rows, count, hidden)))
        inner = functional.gelu(self.widening(self.widening_norm(states)))
        return states + self.dropout(self.narrowing(self.dropout(inner)))


class SentenceHead(nn.Module):
    """Score sentences after layers between them, sized by the encoder's configuration."""

    def __init__(self, config: PreTrainedConfig) -> None:
        super().__init__()
        hidden, heads = int(config.hidden_size), int(config.num_attention_heads)
        self.entry_norm = nn.LayerNorm(hidden, eps=1e-6)
        self.layers = nn.ModuleList(SentenceLayer(hidden, heads, DROPOUT) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(hidden, eps=1e-6)
        self.score = nn.Linear(hidden, 1)

    def forward(self, states: Tensor, numbers: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, sentences), of the sentences' states, (batch, sentences, hidden)."""
        states = self.entry_norm(states)
        states = states + POSITION_SCALE * sentence_positions(numbers, states.shape[-1]).to(states.dtype)
        for layer in self.layers:
            states = layer(states, mask)
        return self.score(self.norm(states)).squeeze(-1)  # type: ignore[no-any-return]


def sentence_positions(numbers: Tensor, hidden: int) -> Tensor:
    """Return sines and cosines of sentence numbers, shape (batch, sentences, hidden), without a limit."""
    rates = torch.exp(torch.arange(0, hidden, 2, device=numbers.device) * (-math.log(10_000.0) / hidden))
    angles = numbers[..., None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :hidden]


def sentence_means(states: Tensor, real: Tensor, markers: Tensor) -> Tensor:
    """Return the mean of each sentence's tokens, from its marker to the next, shape (batch, sentences, hidden).

    Args:
        real: True for tokens that are no padding, shape (batch, tokens).
        markers: positions of the sentences' markers, shape (batch, sentences), padded with `NO_SENTENCE`.

    Example:
        >>> states = torch.tensor([[[1.0], [3.0], [5.0]]])
        >>> sentence_means(states, torch.ones(1, 3, dtype=torch.bool), torch.tensor([[0, 2]]))
        tensor([[[2.],
                 [5.]]])
    """
    begins = torch.zeros(states.shape[:2], dtype=torch.long, device=states.device)
    begins = begins.scatter_add(1, markers.clamp(min=0), (markers != NO_SENTENCE).long())
    sentence = begins.cumsum(dim=1) - 1
    every = torch.arange(markers.shape[1], device=states.device)
    inside = ((sentence[:, None, :] == every[None, :, None]) & real[:, None, :]).to(states.dtype)
    return inside @ states / inside.sum(dim=-1, keepdim=True).clamp(min=1)


class _Extractive:
    """Add the sentence head to a family's base class; see the module's docstring."""

    config: Any
    base_model: Any

    def __init__(self, config: PreTrainedConfig) -> None:
        config = to_family_config(config)
        super().__init__(config)  # type: ignore[call-arg]
        base: Any = AutoModel._model_mapping[type(config)]
        options = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(base).parameters else {}
        setattr(self, self.base_model_prefix, base(config, **options))  # type: ignore[attr-defined]
        setattr(self, SENTENCE_HEAD, SentenceHead(config))
        self.post_init()  # type: ignore[attr-defined]

    def save_pretrained(self, *arguments: Any, **options: Any) -> None:
        """Save the network under its own model type; see `PreTrainedModel.save_pretrained`."""
        family = self.config
        self.config = to_saved_config(family)
        try:
            super().save_pretrained(*arguments, **options)  # type: ignore[misc]
        finally:
            self.config = family

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        markers: Tensor | None = None,
        numbers: Tensor | None = None,
        labels: Tensor | None = None,
        output_hidden_states: bool | None = None,
        output_attentions: bool | None = None,
        return_dict: bool | None = None,
    ) -> SentenceScores:
        """Score sentences.

        Args:
            markers: positions of the sentences' markers, shape (batch, sentences), padded with `NO_SENTENCE`; None is
                one sentence that begins with the row.
            numbers: the sentences' numbers in their document, the same shape; None counts from 0.
            labels: 0 or 1, the same shape; negative values are ignored.
        """
        given: Any = input_ids if input_ids is not None else inputs_embeds
        if markers is None:
            markers = torch.zeros(given.shape[0], 1, dtype=torch.long, device=given.device)
        if numbers is None:
            numbers = torch.arange(markers.shape[1], device=markers.device).expand_as(markers)
        mask, places = markers != NO_SENTENCE, markers.clamp(min=0)
        options: dict[str, Any] = {"inputs_embeds": inputs_embeds} if input_ids is None else {"input_ids": input_ids}
        if self.config.model_type == "longformer":
            # A marker must see all of its document, whatever the window of its attention.
            seen = torch.zeros(given.shape[:2], dtype=torch.long, device=given.device)
            options["global_attention_mask"] = seen.scatter(1, places, 1)
        output = self.base_model(
            attention_mask=attention_mask, output_hidden_states=output_hidden_states, return_dict=True, **options
        )
        states = output.last_hidden_state
        real = torch.ones(given.shape[:2], device=states.device) if attention_mask is None else attention_mask
        means = sentence_means(states[:, : given.shape[1]], real.bool(), markers)
        logits = getattr(self, SENTENCE_HEAD)(means, numbers, mask)
        loss = None
        if labels is not None:
            scored = labels >= 0
            loss = functional.binary_cross_entropy_with_logits(logits[scored].float(), labels[scored].float())
        return SentenceScores(loss=loss, logits=logits, hidden_states=output.hidden_states)


@lru_cache
def extractive_class(config_class: Any) -> Any:
    """Return the network's class for a family's configuration class."""
    base: Any = AutoModel._model_mapping[config_class]
    parent = base.__mro__[1]  # the family's own PreTrainedModel, which knows its weights, layers and their names
    name = base.__name__.removesuffix("Model") + EXTRACTIVE
    fields = {"__module__": __name__, "__doc__": _Extractive.__doc__, "config_class": extractive_config(config_class)}
    return type(name, (_Extractive, parent), fields)


def register_models() -> None:
    """Register our networks with transformers' `AutoConfig` and `AutoModel`; repeated calls change nothing.

    Example:
        >>> register_models()
        >>> transformers.AutoConfig.for_model("extractive-bert").model_type
        'extractive-bert'
    """
    for name in FAMILIES:
        family: Any = CONFIG_MAPPING[name]
        kind = extractive_config(family)
        AutoConfig.register(EXTRACTIVE_PREFIX + name, kind, exist_ok=True)
        AutoModel.register(kind, extractive_class(family), exist_ok=True)


class AutoModelForExtractiveSummarization:
    """Load an extractive summarizer of any family."""

    @staticmethod
    def from_pretrained(name: Any, *, config: Any = None, **options: Any) -> Any:
        """Load the network in a folder or on the Hub; see `PreTrainedModel.from_pretrained`."""
        config = to_family_config(saved_config(name) if config is None else config)
        family: Any = type(config)
        return extractive_class(family).from_pretrained(name, config=config, **options)


def load_extractive(reference: ModelReference) -> LoadedModel:
    """Load a pretrained encoder with sentence layers: new ones, or those of an earlier run."""
    loaded, missing = load_pretrained(AutoModelForExtractiveSummarization, reference)
    head = f"{SENTENCE_HEAD}."
    lost = [key for key in missing if not key.startswith(head)]
    notes = [random_parameters_note(lost)] if lost else []
    if not any(key.startswith(head) for key in missing):
        notes.append("The sentence layers of the run before are kept.")
    return replace(loaded, notes=tuple(notes))
