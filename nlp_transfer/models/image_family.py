"""Describe a classifier of images by looking at it: any of transformers, without a table.

Its layers are the first list of modules of its encoder (blocks of a transformer, stages of a ResNet), and its head is
all that is outside of the encoder. The logits are linear in one vector of an image.
"""

from typing import Any

from torch import nn

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.family_table import Family

IMAGES = "ForImageClassification"
"""Suffix of the class names of networks that classify images."""

ONLY_WHOLE = "it reads images, whose states are not stored"


_ADAPTED, _ORIGINAL = ".modules_to_save.default", ".original_module"
"""Parts of the names of a head inside an adapter: of what is trained, and of what it was before."""


def reads_images(model: nn.Module) -> bool:
    """Return True for a classifier of images."""
    return type(model).__name__.endswith(IMAGES)


def family_of_images(model: Any) -> Family:
    """Return the description of a classifier of images; raise ConfigError without one linear layer for the logits."""
    name, encoder = _encoder(model)
    inside = {id(module) for module in encoder.modules()}
    outside = {
        name.replace(_ADAPTED, ""): module
        for name, module in model.named_modules()
        if name and id(module) not in inside and _ORIGINAL not in name
    }
    linear = [name for name, module in outside.items() if is_linear(module, model.config.num_labels)]
    if len(linear) != 1:
        raise ConfigError(
            f"A {type(model).__name__} is not known here: expected one linear layer that makes the logits; it has "
            f"{len(linear)} of them."
        )
    lists = [path for path, module in encoder.named_modules() if isinstance(module, nn.ModuleList) and len(module)]
    layers, last = lists[0] if lists else "", _last_part(encoder, lists[0] if lists else "")
    return Family(
        layers=f"{name}{layers}",
        head=tuple(dict.fromkeys(name.partition(".")[0] for name, module in outside.items() if _has_weights(module))),
        final_linear=linear[0],
        dense="",
        activation="",
        final_norm=None if last is None else f"{name}{last}",
        only_whole=ONLY_WHOLE,
    )


def _encoder(model: Any) -> tuple[str, nn.Module]:
    """Return the encoder, and the start of its modules' names in `model.base_model`."""
    if model.base_model is not model:
        return "", model.base_model
    sizes = {name: sum(one.numel() for one in child.parameters()) for name, child in model.named_children()}
    largest = max(sizes, key=lambda name: sizes[name])
    return f"{largest}.", getattr(model, largest)


def is_linear(module: nn.Module, classes: int) -> bool:
    """Return True for a linear layer with so many outputs, or for a wrapper of one."""
    layer: Any = getattr(module, "base_layer", module)
    return isinstance(layer, nn.Linear) and layer.out_features == classes


def unused_image_parameters(model: nn.Module) -> list[str]:
    """Return the names of parameters that only pretraining reads, such as the embedding of masked patches."""
    return [name for name, _ in model.named_parameters() if name.endswith("mask_token")]


def _last_part(encoder: nn.Module, layers: str) -> str | None:
    """Return the last child of an encoder after its layers that has weights; None if there is none."""
    names = [name for name, child in encoder.named_children() if _has_weights(child)]
    after = names[names.index(layers.partition(".")[0]) + 1 :] if layers.partition(".")[0] in names else []
    return after[-1] if after else None


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())
