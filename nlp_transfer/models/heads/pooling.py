"""Write a linear classifier on the pooled states of layer k into the family's own architecture.

A frozen encoder is best read from a middle layer, averaged over tokens. To save that as a checkpoint that plain
`AutoModelForSequenceClassification` loads, it is written into existing weights:

1. Layers above k are dropped.
2. `mean`: ModernBERT and EuroBERT average by themselves (`config.classifier_pooling`). Elsewhere one layer is added
   whose queries and keys are zero, so that attention is uniform over the real tokens; its values are the identity, its
   output a·I with a = 1000, its feed-forward block zero. With s the state at the first token, post-norm layers then
   compute

       z = LN(LN(a·mean + s)),    LN without gain or bias: the standardised mean (s weighs 1/1000).

   `cls`: z is the first token's state.
3. The head's dense layer and activation f pass z: dense = c·I + d, and the features are

       x = (f(c·z + d) - d) / c    tanh: c = 1/20, d = 0 (near-linear);  gelu, relu: c = 1, d = 20 (linear for z > -15).

4. The final linear layer gets the fitted weights, with c and d folded in: logits = W·x + b.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad
from transformers import PreTrainedModel
from transformers.activations import ACT2FN

from nlp_transfer.models.families import encoder_layers, family, final_linear, logits_layer, tags_tokens
from nlp_transfer.models.family_table import PostNormLayer
from nlp_transfer.models.image_family import reads_images

POOLINGS = ("mean", "cls")
TOKEN, OWN = "token", "own"
"""The only pooling of a network that tags tokens: each token by itself; and of one of images: what its head reads."""

MEAN_WEIGHT = 1000.0
"""Weight of the mean relative to the first token's state on the residual path."""


@dataclass(frozen=True)
class PassThrough:
    """Scale and offset the head's activation so that it is nearly the identity."""

    activation: Callable[[Tensor], Tensor]
    scale: float
    offset: float

    def __call__(self, z: Tensor) -> Tensor:
        """Return the input of the final linear layer without scale and offset; shape as z."""
        return (self.activation(self.scale * z + self.offset) - self.offset) / self.scale


def available_poolings(model: PreTrainedModel) -> tuple[str, ...]:
    """Return the poolings that the family's architecture can express."""
    if reads_images(model):
        return (OWN,)
    entry = family(model)
    if tags_tokens(model):
        return (TOKEN,)
    if entry.layer is not None:
        values = _part(encoder_layers(model)[0], entry.layer.values[0])
        return POOLINGS if values.out_features >= values.in_features else ("cls",)  # narrower heads lose states
    return POOLINGS if entry.pooling else ("cls",)


def available_layers(model: PreTrainedModel) -> range:
    """Return the layers k, from 1, at which the encoder can be cut; several groups of ALBERT's depend on its depth.

    Encoders of images are read at the top.
    """
    if reads_images(model):
        depth = len(encoder_layers(model))
        return range(depth, depth + 1)
    depth = int(model.config.num_hidden_layers)
    groups = getattr(model.config, "num_hidden_groups", 1) * getattr(model.config, "inner_group_num", 1)
    return range(1 if groups == 1 else depth, depth + 1)


def use_full_attention(model: PreTrainedModel) -> None:
    """Set BigBird to full attention; it would otherwise switch for good at the first short batch."""
    if hasattr(model.base_model, "set_attention_type"):
        encoder: Any = model.base_model
        encoder.set_attention_type("original_full")
        model.config.attention_type = "original_full"


def pooled_features(
    model: PreTrainedModel, hidden_states: Sequence[Tensor], attention_mask: Tensor, layer: int, pooling: str
) -> Tensor:
    """Return the features of a head on the given layer and pooling (x above), shape (batch, hidden).

    Of the pooling `TOKEN` they have the shape (batch, tokens, hidden).

    Args:
        hidden_states: of the model: the embeddings, then each layer's output, (batch, tokens, hidden) each.
        layer: from 1 (the lowest layer) to the number of layers.
    """
    entry = family(model)
    last = layer == int(model.config.num_hidden_layers)
    # Some stacks hold more states than layers (ALBERT with inner groups): the last one is the last layer's.
    state = hidden_states[-1 if last else layer][:, : attention_mask.shape[1]]
    if entry.final_norm is not None and not last:  # the last state comes normed
        state = model.base_model.get_submodule(entry.final_norm)(state)
    pooled = state if pooling == TOKEN else state[:, 0]
    if pooling == "mean":
        mask = attention_mask.to(state.dtype).unsqueeze(-1)
        mean = (state * mask).sum(dim=1) / mask.sum(dim=1)
        if entry.layer is not None:
            mean = _standardised_mean(mean, pooled, encoder_layers(model)[0], entry.layer)
        pooled = mean
    features = _pass_through(model)(pooled)
    if entry.head_norm is not None:
        features = layer_norm(features, features.shape[-1:], eps=_part(model, entry.head_norm).eps)
    return features


def pooled_and_logits(
    model: PreTrainedModel, compute: Callable[[], Tensor], attention_mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the inputs of the layer that makes the logits, (batch, hidden), and the logits, float32 or float64.

    Args:
        model: the classifier, out of any adapter.
        compute: runs it, and returns its logits.
    """
    with head_inputs(model) as inputs:
        logits = compute()
    pooled, logits = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (inputs[-1], logits))
    if pooled.ndim == 3:  # a head that averages the logits of all tokens, which are linear in these
        real = pooled.new_ones(pooled.shape[:2]) if attention_mask is None else attention_mask.to(pooled)
        real = pad(real, (pooled.shape[1] - real.shape[1], 0), value=1.0)[..., None]  # a prompt is before it
        pooled = (pooled * real).sum(1) / real.sum(1)
    return pooled, logits


@contextmanager
def head_inputs(model: PreTrainedModel) -> Iterator[list[Tensor]]:
    """Yield a list that gets what the layer that makes the logits reads, of each forward pass."""
    inputs: list[Tensor] = []
    handle = logits_layer(model).register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
    try:
        yield inputs
    finally:
        handle.remove()


@torch.no_grad()
def fold_head(model: PreTrainedModel, layer: int, pooling: str, weight: Tensor, bias: Tensor) -> None:
    """Write a linear classifier on `pooled_features(…, layer, pooling)` into the model, without the layers above."""
    if reads_images(model):
        final = final_linear(model)[1]
        final.weight.copy_(weight)
        final.bias.copy_(bias)
        return
    entry = family(model)
    passing = _pass_through(model)
    _cut(model, layer, add_layer=pooling == "mean" and entry.layer is not None)
    if entry.pooling:
        model.config.classifier_pooling = dict(entry.pooling)[pooling]
        if hasattr(model, "classifier_pooling"):  # EuroBERT reads it when it is built
            model.classifier_pooling = model.config.classifier_pooling
    if entry.activation_is_free and entry.dense:
        setattr(model.config, entry.activation, "linear")
        head = model.get_submodule(entry.head[0])
        if hasattr(head, "act"):  # ModernBERT looks the activation up when it is built
            head.act = nn.Identity()
    if entry.dense:
        _set_identity(_part(model, entry.dense), passing.scale, passing.offset)
    if entry.head_norm is not None:
        _part(model, entry.head_norm).reset_parameters()
    _, final = final_linear(model)
    scaled = weight / passing.scale
    final.weight.copy_(scaled)
    final.bias.copy_(bias - passing.offset * scaled.sum(dim=1))


def folded_modules(model: PreTrainedModel, pooling: str) -> list[nn.Module]:
    """Return the averaging layer and the head's dense part, whose scales make training them unstable."""
    entry = family(model)
    averaging = [encoder_layers(model)[-1]] if pooling == "mean" and entry.layer is not None else []
    return [*averaging, *([model.get_submodule(entry.dense)] if entry.dense else [])]


def _cut(model: PreTrainedModel, depth: int, add_layer: bool) -> None:
    entry = family(model)
    layers = encoder_layers(model)
    if int(model.config.num_hidden_layers) == len(layers):  # ALBERT repeats its one group: nothing to delete
        del layers[depth:]
    if add_layer:
        layers.append(_averaging_layer(layers[-1], model))
    new_depth = depth + add_layer
    for key in entry.tied_to_depth:
        values = list(getattr(model.config, key))
        setattr(model.config, key, [*values[:depth], *[values[depth - 1]] * (new_depth - depth)])
    model.config.num_hidden_layers = new_depth


def _averaging_layer(like: nn.Module, model: PreTrainedModel) -> nn.Module:
    names = family(model).layer
    assert names is not None
    shared = {id(part.config): part.config for part in like.modules() if hasattr(part, "config")}
    layer = copy.deepcopy(like, shared)  # what is set on the model's configuration must reach this layer too
    for name in names.scores:
        _set_identity(_part(layer, name), 0.0, 0.0)
    for name in names.values:
        _set_identity(_part(layer, name), 1.0, 0.0)
    _set_identity(_part(layer, names.attention_output), MEAN_WEIGHT, 0.0)
    nn.init.zeros_(_part(layer, names.output).weight)
    nn.init.zeros_(_part(layer, names.output).bias)
    _part(layer, names.attention_norm).reset_parameters()
    _part(layer, names.output_norm).reset_parameters()
    return layer


def _standardised_mean(mean: Tensor, first: Tensor, layer: nn.Module, names: PostNormLayer) -> Tensor:
    """Return the output of `_averaging_layer` at the first token; mean and first are (batch, hidden)."""
    z = MEAN_WEIGHT * mean + first
    for name in (names.attention_norm, names.output_norm):
        z = layer_norm(z, z.shape[-1:], eps=_part(layer, name).eps)
    return z


def _pass_through(model: PreTrainedModel) -> PassThrough:
    entry = family(model)
    if entry.activation_is_free:
        return PassThrough(nn.Identity(), 1.0, 0.0)
    name = entry.activation if entry.activation in ACT2FN else getattr(model.config, entry.activation)
    # tanh is linear around zero; gelu, relu and their kin (silu, gelu_new) are linear far above it.
    return PassThrough(ACT2FN[name], 0.05, 0.0) if name == "tanh" else PassThrough(ACT2FN[name], 1.0, 20.0)


def _part(module: nn.Module, name: str) -> Any:
    return module.get_submodule(name)


def _set_identity(linear: nn.Linear, scale: float, offset: float) -> None:
    nn.init.eye_(linear.weight).mul_(scale)
    if linear.bias is not None:
        linear.bias.fill_(offset)
