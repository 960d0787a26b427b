"""Find the frozen part of an encoder: everything below the first layer that trains.

Its output for a text is computed once (models/activation_cache/replay.py), so its dropout is off in training too.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
import transformers
from torch import nn
from transformers import PreTrainedModel

from nlp_transfer.models.families import encoder_layers, family, has_known_head, plain_model

_IGNORED_KEYS = (
    *("architectures", "dtype", "torch_dtype", "transformers_version"),
    *("id2label", "label2id", "num_labels", "problem_type"),
)
"""Keys of a config on which its encoder does not depend, or that are read elsewhere."""


def frozen_layers(model: nn.Module) -> int:
    """Return the number of lowest layers that training does not change, together with everything below them.

    0 if anything below the lowest layer trains, such as embeddings or a prompt, and for a network with an unknown head.
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


def frozen_modules(model: PreTrainedModel, layers: int) -> list[nn.Module]:
    """Return the embeddings and the lowest `layers` of a plain model; none if `layers` is 0."""
    if layers == 0:
        return []
    above = (*encoder_layers(model)[layers:], *_above(model))
    inside = {id(module) for whole in above for module in whole.modules()}
    # No container of what trains either.
    return [one for one in model.base_model.modules() if not any(id(part) in inside for part in one.modules())]


def encoder_identity(model: PreTrainedModel, layers: int, *, norm: bool = False) -> str:
    """Return the SHA-256 (hex) of all that determines the output of the lowest layers, and of the norm if asked."""
    digest = hashlib.sha256(f"{torch.__version__} {transformers.__version__}".encode())
    config: dict[str, Any] = model.config.to_dict()
    kept = {key: value for key, value in config.items() if key not in _IGNORED_KEYS and not key.startswith("_")}
    digest.update(repr(sorted(kept.items(), key=lambda item: item[0])).encode())
    for name, tensor in _counted(model, layers, norm):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _counted(model: PreTrainedModel, layers: int, norm: bool) -> Iterator[tuple[str, torch.Tensor]]:
    """Return parameters and buffers below the boundary, by name."""
    final = family(model).final_norm
    kept = model.base_model.get_submodule(final) if norm and final is not None else None
    above = [module for module in (*encoder_layers(model)[layers:], *_above(model)) if module is not kept]
    left_out = {id(tensor) for module in above for tensor in (*module.parameters(), *module.buffers())}
    for name, tensor in sorted([*model.base_model.named_parameters(), *model.base_model.named_buffers()]):
        if id(tensor) not in left_out:
            yield name, tensor


def _above(model: PreTrainedModel) -> list[nn.Module]:
    """Return the modules above the layers: the final norm, the head, and unused ones."""
    entry = family(model)
    present = dict(model.named_modules())  # some classifiers of a family are built without what is unused
    modules = [present[name] for name in (*entry.head, *entry.unused) if name in present]
    if entry.final_norm is not None:
        modules.append(model.base_model.get_submodule(entry.final_norm))
    return modules
