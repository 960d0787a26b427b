"""Describe a network's layers, head and unused parts, for freezing, adapters and pooling.

Encoders are described by models/family_table.py; encoder-decoders are inspected.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from torch import nn
from transformers import PreTrainedModel

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.family_table import FAMILIES, Family
from nlp_transfer.models.image_family import family_of_images, reads_images, unused_image_parameters

EXTRACTIVE = "ForExtractiveSummarization"
"""Suffix of the class names of networks that score sentences (models/heads/extractive.py)."""

TOKENS = "ForTokenClassification"
"""Suffix of the class names of networks that classify tokens."""

SENTENCE_HEAD = "sentence_head"
"""Name of the new module in such a network."""

_LAYERS = ("encoder.layer", "transformer.layer", "layers", "block")
"""Attribute of the layers on one side of an encoder-decoder."""

_NORMS = ("final_layer_norm", "layer_norm")
"""Attributes of the norm after the last layer, if there is one."""


def family(model: PreTrainedModel) -> Family:
    """Return the table's entry for a model, with the head of a network that scores sentences or tokens.

    An encoder-decoder's layers are its encoder's, and its head is everything after the encoder. A classifier of images
    is looked at (models/image_family.py).
    """
    if reads_images(model):
        return family_of_images(model)
    if is_encoder_decoder(model):
        return _family_of_encoder(model)
    kind = model_type(model)
    if kind not in FAMILIES:
        hint = "" if hasattr(model, "config") else " Give the transformers model itself; any other takes peft_config."
        raise ConfigError(unknown_family_error(kind) + hint)
    entry = FAMILIES[kind]
    if type(model).__name__.endswith(EXTRACTIVE):
        return replace(entry, head=(SENTENCE_HEAD,), final_linear=f"{SENTENCE_HEAD}.score", unused=())
    if tags_tokens(model):
        unused = tuple(name for name in entry.unused if name in dict(model.named_modules()))
        entry = replace(entry, final_linear="classifier", unused=unused, pooling=())
        if hasattr(model, "head"):
            return replace(entry, head=("head", "classifier"))
        return replace(entry, head=("classifier",), dense="", activation="", activation_is_free=True, head_norm=None)
    return entry


def model_type(model: nn.Module) -> str:
    """Return `config.model_type`, or the class of a model that has none, such as a plain `nn.Module`."""
    return str(getattr(getattr(model, "config", None), "model_type", None) or type(model).__name__)


def is_encoder_decoder(model: nn.Module) -> bool:
    """Return True for a network with an encoder and a decoder."""
    return bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))


def tags_tokens(model: nn.Module) -> bool:
    """Return True for a network that tags tokens."""
    return type(model).__name__.endswith(TOKENS)


def learns_tokens(model: nn.Module) -> bool:
    """Return True for a network that generates or tags tokens, so that a row has many losses and no class."""
    return is_encoder_decoder(model) or tags_tokens(model)


def _family_of_encoder(model: Any) -> Family:
    names = {id(module): name for name, module in model.named_modules()}
    inside = {id(module): name for name, module in model.base_model.named_modules()}
    encoder, decoder = model.get_encoder(), model.get_decoder()
    before = {id(module) for side in (encoder, decoder) for module in side.modules()}
    before |= {id(model.base_model), id(model.get_input_embeddings())}
    children = dict(encoder.named_modules())
    norm = next((children[name] for name in _NORMS if name in children), None)
    pooler = children.get("pooler")
    return Family(
        layers=inside[id(_layers(encoder))],
        head=(names[id(decoder)], *(name for name, child in model.named_children() if id(child) not in before)),
        final_linear=names[id(model.get_output_embeddings())],
        dense="",
        activation="",
        final_norm=None if norm is None else inside[id(norm)],
        unused=() if pooler is None else (names[id(pooler)],),
        only_whole="its decoder reads the states of all tokens",
    )


def _layers(side: nn.Module) -> nn.ModuleList:
    modules = dict(getattr(side, "base_model", side).named_modules())
    layers = next((modules[name] for name in _LAYERS if name in modules), None)
    if not isinstance(layers, nn.ModuleList):
        raise ConfigError(f"The layers of a {type(side).__name__} are not known here: none can be frozen or adapted.")
    return layers


def unknown_family_error(model_type: str) -> str:
    """Return the error for a model type that is not in the table."""
    return f"Model type {model_type!r} is not an encoder family known here. Families: {', '.join(FAMILIES)}."


def has_known_head(model: PreTrainedModel) -> bool:
    """Return True if the head is known: of a classifier of texts, sentences, tokens or images."""
    heads = ("ForSequenceClassification", EXTRACTIVE, TOKENS)
    if reads_images(model):
        return True
    return model_type(model) in FAMILIES and type(model).__name__.endswith(heads)


def is_known(model: PreTrainedModel) -> bool:
    """Return True if the table describes the encoder, also of masked-language models and encoder-decoders."""
    masked = model_type(model) in FAMILIES and type(model).__name__.endswith("ForMaskedLM")
    return masked or is_encoder_decoder(model) or has_known_head(model)


def plain_model(model: nn.Module) -> PreTrainedModel:
    """Return the transformers model inside an adapter."""
    plain: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    return plain


def encoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """Return the encoder's layers, lowest first (ALBERT: its groups of shared weights)."""
    path = family(model).layers  # an unknown family is an error before its modules are looked for
    layers = model.base_model.get_submodule(path)
    if not isinstance(layers, nn.ModuleList):
        raise ConfigError(f"A {type(model).__name__} has no list of layers: none can be frozen or adapted by number.")
    return layers


def final_linear(model: PreTrainedModel) -> tuple[str, nn.Linear]:
    """Return the name and module of the linear layer that makes the logits."""
    linear = logits_layer(model)
    assert isinstance(linear, nn.Linear)
    return family(model).final_linear, linear


def logits_layer(model: PreTrainedModel) -> nn.Module:
    """Return the module that makes the logits: `final_linear`, or the adapter's copy of it."""
    return model.get_submodule(family(model).final_linear)


@torch.no_grad()
def rescale_logits(layer: Any, scale: np.ndarray, shift: np.ndarray) -> None:
    """Change the layer that makes the logits so that they are scale * logits + shift, shape (classes,) each.

    Raises:
        ValueError: a shift, and a layer without bias.
    """
    factor = torch.as_tensor(scale).to(layer.weight)
    layer.weight.mul_(factor[:, None])
    if layer.bias is not None:
        layer.bias.mul_(factor).add_(torch.as_tensor(shift).to(layer.bias))
    elif shift.any():
        raise ValueError("The layer that makes the logits has no bias, and cannot shift them.")


def unused_parameters(model: PreTrainedModel) -> list[str]:
    """Return the names of parameters on which the logits do not depend; training them under DDP fails."""
    if reads_images(model):
        return unused_image_parameters(model)
    prefixes = tuple(f"{name}." for name in family(model).unused)
    return [name for name, _ in model.named_parameters() if prefixes and name.startswith(prefixes)]


def lora_targets(
    model: PreTrainedModel, *, top_layers: int | None = None, names: Sequence[str] | None = None
) -> list[str]:
    """Return the names of all linear layers of the encoder's layers, and a decoder's, that are not frozen.

    Without linear layers, as in a ResNet, those of its convolutions.

    Adapters on all linear layers match full fine-tuning (QLoRA, https://arxiv.org/abs/2305.14314).

    Args:
        top_layers: number of layers from the top, of a decoder too; None takes all.
        names: names, or ends of names, to keep; None keeps all.
    """
    sides = [encoder_layers(model)]
    if is_encoder_decoder(model):
        decoder: Any = model
        sides.append(_layers(decoder.get_decoder()))
    linear: list[tuple[str, str, bool]] = []
    below: tuple[str, ...] = ()
    for layers in sides:
        lowest = 0 if top_layers is None else max(0, len(layers) - top_layers)
        prefix = next(name for name, module in model.named_modules() if module is layers)
        below += tuple(f"{prefix}.{index}." for index in range(lowest))
        made = [
            (f"{prefix}.{index}.{name}", name, module)
            for index, layer in enumerate(layers)
            for name, module in layer.named_modules()
        ]
        adapted = [one for one in made if isinstance(one[2], nn.Linear)]
        if not adapted and getattr(model.config, "tf_padding", False):
            raise ConfigError(
                f"A {model.config.model_type} reads the strides of its convolutions (tf_padding), which an adapter "
                "hides. Take partial_fine_tuning or frozen_encoder."
            )
        adapted = adapted or [one for one in made if _is_convolution(one[2])]
        linear += [(full, name, module.weight.requires_grad) for full, name, module in adapted]
    if not any(trains for _, _, trains in linear):
        raise ConfigError("Every layer of the encoder is frozen, so an adapter has nothing to change. Remove a method.")
    if all(trains for _, _, trains in linear) and not below and names is None and len(sides) == 1:
        return list(dict.fromkeys(name for _, name, _ in linear))
    ends = None if names is None else tuple(f".{name}" for name in names)
    return [
        full
        for full, _, trains in linear
        if trains and not full.startswith(below) and (ends is None or f".{full}".endswith(ends))
    ]


def _is_convolution(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups == 1


def check_layer_count(key: str, wanted: int, model: PreTrainedModel) -> None:
    """Raise `ConfigError` if the setting `key` wants more layers than the encoder has."""
    count = len(encoder_layers(model))
    depth = count if is_encoder_decoder(model) or reads_images(model) else int(model.config.num_hidden_layers)
    if wanted > count:
        shared = f" ({depth} layers share them)" if depth > count else ""
        kind = "groups of weights" if shared else "layers"
        raise ConfigError(
            f"{key} is {wanted}, but this {model.config.model_type} encoder has {count} {kind}{shared}. "
            f"Set it to {count} or less."
        )


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Return (trainable, all) parameters, each tied weight counted once.

    Example:
        >>> count_parameters(nn.Linear(2, 3))
        (9, 9)
    """
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)


def train_top_layers(model: PreTrainedModel, layers: Sequence[nn.Module]) -> None:
    """Make the given top layers, the norm after them, and the head trainable; freeze everything else.

    Weights that an encoder and its decoder share, such as embeddings, count as the encoder's.
    """
    chosen = list(layers)
    final_norm = family(model).final_norm
    if final_norm is not None and layers:
        chosen.append(model.base_model.get_submodule(final_norm))
    train_only(model, [*chosen, *(model.get_submodule(name) for name in family(model).head)])
    if is_encoder_decoder(model):
        writer: Any = model
        freed = {id(parameter) for module in chosen for parameter in module.parameters()}
        for parameter in writer.get_encoder().parameters():
            parameter.requires_grad_(parameter.requires_grad and id(parameter) in freed)


def train_only(model: PreTrainedModel, modules: Iterable[nn.Module]) -> None:
    """Make only these modules trainable, except parameters on which the logits do not depend."""
    model.requires_grad_(False)
    for module in modules:
        module.requires_grad_(True)
    for name in unused_parameters(model):
        model.get_parameter(name).requires_grad_(False)
