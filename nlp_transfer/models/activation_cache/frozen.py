"""The part of an encoder that training leaves as it is: everything below the first layer that trains.

What that part makes of a text does not change while training goes, so it can be computed once
(models/activation_cache/replay.py). To be the same each time it must be free of chance: its dropout is off in training
too, cached or not.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import torch
import transformers
from torch import nn

from nlp_transfer.models.families import encoder_layers, family, has_known_head, plain_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_SAYS_NOTHING = (
    "architectures",
    "dtype",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "torch_dtype",
    "transformers_version",
)
"""Keys of a config that its encoder does not depend on, or that are looked at otherwise."""


def frozen_layers(model: nn.Module) -> int:
    """Return the number of lowest layers that training does not change, with all below them.

    0 where anything below the lowest layer trains, such as embeddings or a prompt, and for a network whose head is not
    known.

    Args:
        model: as it will be trained, perhaps with an adapter around it.
    """
    plain = plain_model(model)
    if not has_known_head(plain):
        return 0
    layers = list(encoder_layers(plain))
    above = {id(parameter) for module in (*layers, *_above(plain)) for parameter in module.parameters()}
    if any(parameter.requires_grad and id(parameter) not in above for parameter in model.parameters()):
        return 0
    trained = (n for n, layer in enumerate(layers) if any(p.requires_grad for p in layer.parameters()))
    return next(trained, len(layers))


def frozen_modules(model: "PreTrainedModel", layers: int) -> list[nn.Module]:
    """Return the modules of the embeddings and the lowest `layers`, to be put into evaluation mode; none where it is 0.

    Args:
        model: out of any adapter (`plain_model`).
        layers: from `frozen_layers`.
    """
    if layers == 0:
        return []
    above = (*encoder_layers(model)[layers:], *_above(model))
    inside = {id(module) for whole in above for module in whole.modules()}
    return [
        module
        for module in model.base_model.modules()
        if not any(id(part) in inside for part in module.modules())  # no container of what trains either
    ]


def keep_evaluating(modules: Iterable[nn.Module]) -> None:
    """Put modules into evaluation mode; what they contain must be among them."""
    for module in modules:
        module.training = False


def encoder_identity(model: "PreTrainedModel", layers: int, *, norm: bool = False) -> str:
    """Return the SHA-256 (hex) of what a layer's output depends on besides the text: weights, config, versions.

    Args:
        model: out of any adapter.
        layers: how many of the lowest layers count, with all below them.
        norm: whether the norm after the last layer counts.
    """
    digest = hashlib.sha256(f"{torch.__version__} {transformers.__version__}".encode())
    config: dict[str, Any] = model.config.to_dict()
    kept = {key: value for key, value in config.items() if key not in _SAYS_NOTHING and not key.startswith("_")}
    digest.update(repr(sorted(kept.items(), key=lambda item: item[0])).encode())
    for name, tensor in _counted(model, layers, norm):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _counted(model: "PreTrainedModel", layers: int, norm: bool) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield parameters and buffers below the boundary, by name."""
    final = family(model).final_norm
    kept = model.base_model.get_submodule(final) if norm and final is not None else None
    above = [module for module in (*encoder_layers(model)[layers:], *_above(model)) if module is not kept]
    left_out = {id(tensor) for module in above for tensor in (*module.parameters(), *module.buffers())}
    for name, tensor in sorted([*model.base_model.named_parameters(), *model.base_model.named_buffers()]):
        if id(tensor) not in left_out:
            yield name, tensor


def _above(model: "PreTrainedModel") -> list[nn.Module]:
    """Return the names above the layers: the final norm, the head, and what the logits do not depend on."""
    entry = family(model)
    present = dict(model.named_modules())  # some classifiers of a family are built without what is unused
    modules = [present[name] for name in (*entry.head, *entry.unused) if name in present]
    if entry.final_norm is not None:
        modules.append(model.base_model.get_submodule(entry.final_norm))
    return modules
