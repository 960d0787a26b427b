"""An encoder that scores the sentences of a document, by the states of their tokens and layers between sentences.

    tokens -> encoder -> mean of each sentence's tokens, normalised, + its position -> layers -> one logit a sentence

BertSum reads a sentence's marker alone. An encoder that has never seen markers within a text needs many documents to
learn to put a sentence there; the mean of its tokens, the marker among them, represents the sentence from the start.

The class is made from the family's own base class (`BertForExtractiveSummarization`, …), so that adapters and freezing
work as for a classifier, and its folder can be the `model` of another run. The folder has a model type of its own
(models/heads/extractive_config.py), which `AutoConfig` and `AutoModel` know after `register_models`. The positions are
sines of the sentence's number in the document, which has no limit. Reference: Liu & Lapata (2019),
https://arxiv.org/abs/1908.08345 (BertSumExt), https://arxiv.org/abs/1903.10318
"""

import inspect
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel
from transformers.modeling_outputs import ModelOutput

from nlp_transfer.models.families import EXTRACTIVE, SENTENCE_HEAD
from nlp_transfer.models.family_table import FAMILIES
from nlp_transfer.models.heads.extractive_config import (
    EXTRACTIVE_PREFIX,
    extractive_config,
    family_form,
    saved_config,
    written_form,
)
from nlp_transfer.models.loading import LoadedModel, load_pretrained, random_part

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

LAYERS = 2
"""Layers between sentences, as in BertSum."""

DROPOUT = 0.1

POSITION_SCALE = 0.3
"""Weight of positions relative to normalised states. At 1 a model of few documents learns little but positions."""

NO_SENTENCE = -1
"""The marker that fills a row up in a batch."""


@dataclass
class SentenceScores(ModelOutput):
    """Hold the network's outputs.

    Args:
        loss: mean binary cross-entropy over the scored sentences; None without labels.
        logits: of each sentence, shape (batch, sentences).
        hidden_states: of the encoder, where asked for.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Any = None


class SentenceLayer(nn.Module):
    """Apply a pre-norm transformer layer to the sentences of a row.

    Args:
        hidden: width.
        heads: of attention.
        dropout: on attention weights and on what each half adds.
    """

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
        """Return new states, shape (batch, sentences, hidden); `mask`, (batch, sentences), marks the sentences."""
        rows, count, hidden = states.shape
        parts = self.mixing_in(self.attention_norm(states)).view(rows, count, 3, self.heads, hidden // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        states = states + self.dropout(self.mixing_out(mixed.transpose(1, 2).reshape(rows, count, hidden)))
        inner = functional.gelu(self.widening(self.widening_norm(states)))
        return states + self.dropout(self.narrowing(self.dropout(inner)))


class SentenceHead(nn.Module):
    """Score sentences by transformer layers between them.

    Args:
        config: the encoder's.
    """

    def __init__(self, config: "PreTrainedConfig") -> None:
        super().__init__()
        hidden, heads = int(config.hidden_size), int(config.num_attention_heads)
        self.entry_norm = nn.LayerNorm(hidden, eps=1e-6)
        self.layers = nn.ModuleList(SentenceLayer(hidden, heads, DROPOUT) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(hidden, eps=1e-6)
        self.score = nn.Linear(hidden, 1)

    def forward(self, states: Tensor, numbers: Tensor, mask: Tensor) -> Tensor:
        """Return logits, shape (batch, sentences), from the sentences' states, (batch, sentences, hidden)."""
        states = self.entry_norm(states)
        states = states + POSITION_SCALE * sentence_positions(numbers, states.shape[-1]).to(states.dtype)
        for layer in self.layers:
            states = layer(states, mask)
        scores: Tensor = self.score(self.norm(states))
        return scores.squeeze(-1)


def sentence_positions(numbers: Tensor, hidden: int) -> Tensor:
    """Return the sines and cosines of sentences' numbers, shape (batch, sentences, hidden).

    Reference: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762, section 3.5
    """
    rates = torch.exp(torch.arange(0, hidden, 2, device=numbers.device) * (-math.log(10_000.0) / hidden))
    angles = numbers[..., None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)[..., :hidden]


def sentence_means(states: Tensor, real: Tensor, markers: Tensor) -> Tensor:
    """Return the mean of each sentence's tokens, from its marker to the next one's, shape (batch, sentences, hidden).

    Args:
        states: shape (batch, tokens, hidden).
        real: which tokens are no padding, bool, shape (batch, tokens).
        markers: where the sentences begin, shape (batch, sentences), `NO_SENTENCE` after a row's last.
    """
    begins = torch.zeros(states.shape[:2], dtype=torch.long, device=states.device)
    begins = begins.scatter_add(1, markers.clamp(min=0), (markers != NO_SENTENCE).long())
    sentence = begins.cumsum(dim=1) - 1
    every = torch.arange(markers.shape[1], device=states.device)
    inside = ((sentence[:, None, :] == every[None, :, None]) & real[:, None, :]).to(states.dtype)
    return inside @ states / inside.sum(dim=-1, keepdim=True).clamp(min=1)


class _Extractive:
    """Mix the head into a family's base class; see the module's text."""

    config: Any
    base_model: Any

    def __init__(self, config: "PreTrainedConfig") -> None:
        config = family_form(config)
        super().__init__(config)  # type: ignore[call-arg]
        base: Any = AutoModel._model_mapping[type(config)]
        options = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(base).parameters else {}
        setattr(self, self.base_model_prefix, base(config, **options))  # type: ignore[attr-defined]
        setattr(self, SENTENCE_HEAD, SentenceHead(config))
        self.post_init()  # type: ignore[attr-defined]

    def save_pretrained(self, *arguments: Any, **options: Any) -> None:
        """Save it under its own model type; see `PreTrainedModel.save_pretrained`."""
        family = self.config
        self.config = written_form(family)
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
            input_ids: shape (batch, tokens).
            attention_mask: the same shape; None is all ones.
            inputs_embeds: instead of `input_ids`.
            markers: where the sentences' markers are, shape (batch, sentences), `NO_SENTENCE` after a row's last; None
                is one sentence that begins with the row.
            numbers: the sentences' numbers in their document, the same shape; None counts from 0.
            labels: 0 or 1, the same shape; below 0 is left out.
            output_hidden_states: whether to return the encoder's.
            output_attentions: there are none to return.
            return_dict: a `SentenceScores` is always returned.
        """
        given: Any = input_ids if input_ids is not None else inputs_embeds
        if markers is None:
            markers = torch.zeros(given.shape[0], 1, dtype=torch.long, device=given.device)
        if numbers is None:
            numbers = torch.arange(markers.shape[1], device=markers.device).expand_as(markers)
        mask, places = markers != NO_SENTENCE, markers.clamp(min=0)
        options: dict[str, Any] = {}
        if self.config.model_type == "longformer":
            # A marker must see all of its document, whatever the window of its attention.
            seen = torch.zeros(given.shape[:2], dtype=torch.long, device=given.device)
            options["global_attention_mask"] = seen.scatter(1, places, 1)
        if input_ids is not None:
            options["input_ids"] = input_ids
        else:
            options["inputs_embeds"] = inputs_embeds
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
    """Let transformers' `AutoConfig` and `AutoModel` know the networks of our own. Doing so again changes nothing.

    `AutoModel.from_pretrained` then gives the whole network, whose `base_model` is the encoder.
    """
    for name in FAMILIES:
        family: Any = CONFIG_MAPPING[name]
        kind = extractive_config(family)
        AutoConfig.register(EXTRACTIVE_PREFIX + name, kind, exist_ok=True)
        AutoModel.register(kind, extractive_class(family), exist_ok=True)


class AutoModelForExtractiveSummarization:
    """Load such a network as transformers' Auto classes do."""

    @staticmethod
    def from_pretrained(name: Any, *, config: Any = None, **options: Any) -> Any:
        """Return the network in a folder or on the Hub; see `PreTrainedModel.from_pretrained`."""
        config = family_form(saved_config(name) if config is None else config)
        family: Any = type(config)
        return extractive_class(family).from_pretrained(name, config=config, **options)

    @staticmethod
    def from_config(config: "PreTrainedConfig") -> Any:
        """Return a network with random weights."""
        family: Any = type(config)
        return extractive_class(family)(config)


def load_extractive(
    name: str, *, revision: str | None, trust_remote_code: bool, attention_dropout: float | None
) -> LoadedModel:
    """Return a pretrained encoder with sentence layers: new ones, or those of a run before.

    Args:
        name: see `resolve_model`.
        revision: the Hub model's commit, tag or branch.
        trust_remote_code: whether Python code in the model's folder may run.
        attention_dropout: dropout on attention weights; None leaves what the checkpoint's config says.

    Raises:
        ConfigError, CheckpointError: see `load_encoder_with_head`.
    """
    model, info, origin, positions = load_pretrained(
        AutoModelForExtractiveSummarization,
        name,
        revision=revision,
        trust_remote_code=trust_remote_code,
        attention_dropout=attention_dropout,
    )
    missing = sorted({*info["missing_keys"], *(str(key) for key, *_ in info["mismatched_keys"])})
    head = f"{SENTENCE_HEAD}."
    lost = [key for key in missing if not key.startswith(head)]
    notes = [random_part(lost)] if lost else []
    if not any(key.startswith(head) for key in missing):
        notes.append("The sentence layers of the run before are kept.")
    new = tuple(key for key, _ in model.named_parameters() if key in set(missing))
    return LoadedModel(model, new, origin, positions, tuple(notes))
