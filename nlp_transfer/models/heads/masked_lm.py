"""Load encoders with a masked-language-modelling head that scores the vocabulary at masked tokens only.

Hooks select the masked tokens between encoder and head, since the scores of a vocabulary cost more than a small
encoder's layers; a call without labels is unchanged. In evaluation the output's logits are sums for the metrics,
(batch, 3): the summed loss of a row's masked tokens, their number, and the number of correct ones.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoModelForMaskedLM, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.family_table import FAMILIES
from nlp_transfer.models.loading import LoadedModel, load_pretrained, random_parameters_note
from nlp_transfer.models.reference import ModelReference

HEADS = ("cls", "lm_head", "lm_predictions", "vocab_transform", "predictions", "generator_predictions", "head")
"""Names of the first module after the encoder's last states, by family."""


def load_masked_lm(reference: ModelReference) -> LoadedModel:
    """Load a pretrained encoder with its masked-language-modelling head, or a new one tied to its embeddings."""
    loaded, missing = load_pretrained(AutoModelForMaskedLM, reference)
    model = loaded.model
    pooler = f"{model.base_model_prefix}.pooler"
    if pooler in FAMILIES[model.config.model_type].head:
        whole, lacking = load_pretrained(AutoModel, reference)
        if not any("pooler" in key for key in lacking):
            weights: Any = whole.model.get_submodule("pooler").state_dict()
            holder: Any = model
            holder.passed_on = {f"{pooler}.{key}": weight for key, weight in weights.items()}
    encoder = f"{model.base_model_prefix}."
    lost = [key for key in missing if key.startswith(encoder)]
    notes = [random_parameters_note(lost)] if lost else []
    output: Any = model.get_output_embeddings()
    # What is tied is not new; and the bias of the vocabulary's scores starts at zero, where an adapter may leave it.
    fixed = {id(model.get_input_embeddings().weight), id(getattr(output, "bias", None))}
    new = tuple(key for key in loaded.new_parameters if id(model.get_parameter(key)) not in fixed)
    if any(not key.startswith(encoder) for key in new):
        notes.append(
            "The checkpoint has no head for masked-language modelling: a new one is tied to the embeddings. Perplexity "
            "before training is that of the new head."
        )
    score_masked_tokens(model)
    return replace(loaded, new_parameters=new, notes=tuple(notes))


def inherited_pooler(model: PreTrainedModel) -> dict[str, Tensor]:
    """Return the checkpoint's pooler weights, with which a masked-language model is saved for later classifiers."""
    return getattr(model, "passed_on", {})


def add_embeddings(model: PreTrainedModel, pieces: Mapping[int, list[int]]) -> None:
    """Add embeddings of new tokens in place: the means of the `pieces` that they replace, by the new token's id."""
    if not pieces:
        return
    size = max(pieces) + 1
    embeddings: Any = model.get_input_embeddings()
    if size > embeddings.num_embeddings:
        model.resize_token_embeddings(size, mean_resizing=False)
        embeddings = model.get_input_embeddings()
    output: Any = model.get_output_embeddings()
    with torch.no_grad():
        for new, old in pieces.items():
            embeddings.weight[new] = embeddings.weight[old].mean(dim=0)
            if output is not None and output.weight is not embeddings.weight:
                output.weight[new] = output.weight[old].mean(dim=0)
            if output is not None and getattr(output, "bias", None) is not None:
                output.bias[new] = output.bias[old].mean()


def masked_lm_for(model: PreTrainedModel) -> PreTrainedModel:
    """Return the masked-language model of a network's checkpoint, or a new one."""
    name = getattr(model.config, "_name_or_path", "")
    if not name:
        return AutoModelForMaskedLM.from_config(model.config)
    return load_masked_lm(ModelReference(name, attention_dropout=None)).model


class HiddenTokenHead(nn.Module):
    """Put the head of a masked-language model on another network's encoder; tied embeddings are the encoder's."""

    def __init__(self, masked_lm: PreTrainedModel, encoder: PreTrainedModel) -> None:
        super().__init__()
        output: Any = masked_lm.get_output_embeddings()
        embeddings: Any = encoder.get_input_embeddings()
        tied = output.weight is masked_lm.get_input_embeddings().weight
        self._states = _States(encoder)
        setattr(masked_lm, masked_lm.base_model_prefix, self._states)
        if tied:
            output.weight = embeddings.weight
        self._masked_lm = (masked_lm,)  # in a tuple, its parameters are not registered
        of_encoder = {id(parameter) for parameter in encoder.parameters()}
        self.own = nn.ParameterList(p for p in masked_lm.parameters() if id(p) not in of_encoder)

    def forward(self, states: Tensor) -> Tensor:
        """Return the vocabulary's scores, shape (count, vocabulary), of states, shape (count, hidden)."""
        self._states.last = states[None]
        places = torch.zeros(1, len(states), dtype=torch.long, device=states.device)
        return self._masked_lm[0](input_ids=places).logits[0]


class _States(nn.Module):
    """Stand in for an encoder with known last states; some heads read its embeddings."""

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self._encoder = (encoder,)
        self.last: Tensor | None = None

    @property
    def embeddings(self) -> Any:
        return self._encoder[0].embeddings

    def forward(self, *_: Any, **__: Any) -> Any:
        output: Any = BaseModelOutput(last_hidden_state=self.last)
        output.global_attentions = None  # which Longformer's head passes on
        return output


def score_masked_tokens(model: PreTrainedModel) -> None:
    """Register the hooks; raise `ConfigError` for a family with an unknown head."""
    head = next((module for name, module in model.named_children() if name in HEADS), None)
    if head is None:
        raise ConfigError(
            f"masked_language_modeling does not know the head of a {type(model).__name__}. Known heads are called "
            f"{', '.join(HEADS)}."
        )
    picking = _Picking()
    model.register_forward_pre_hook(picking.before_model, with_kwargs=True)
    head.register_forward_pre_hook(picking.before_head)
    model.register_forward_hook(picking.after_model, with_kwargs=True)


class _Picking:
    """Share the masked tokens of a forward pass between the hooks of one model."""

    def __init__(self) -> None:
        self.masked: Tensor | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return itself, because a copy of a head in an adapter needs the model's calls."""
        return self

    def before_model(
        self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Record the masked tokens, and pass only their labels to the model."""
        labels = kwargs.get("labels")
        self.masked = None if labels is None else labels >= 0
        if labels is None:
            return args, kwargs
        if model.config.model_type == "longformer" and kwargs.get("global_attention_mask") is None:
            # Without a token that sees all, padding gives it gradients that are not numbers.
            first = torch.zeros_like(labels)
            first[:, 0] = 1
            kwargs = {**kwargs, "global_attention_mask": first}
        return args, {**kwargs, "labels": labels[self.masked][None]}

    def before_head(self, head: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pass the head the states of masked tokens."""
        return args if self.masked is None else (args[0][self.masked][None], *args[1:])

    def after_model(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """In evaluation, sum the scores by row."""
        if self.masked is None or model.training:
            return output
        labels, masked = kwargs["labels"].flatten(), self.masked
        scores = output.logits.flatten(0, -2).float()
        each = torch.stack(
            [
                functional.cross_entropy(scores, labels, reduction="none"),
                torch.ones_like(labels, dtype=scores.dtype),
                (scores.argmax(dim=-1) == labels).to(scores.dtype),
            ],
            dim=1,
        )
        rows = masked.nonzero()[:, 0]
        output.logits = each.new_zeros(len(masked), 3).index_add_(0, rows, each)
        return output
