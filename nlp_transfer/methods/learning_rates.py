"""Learning rates by depth: layer-wise decay below the top, and a rate for the head.

    lr(layer) = lr * decay^depth

The top layer has depth 0, the next one depth 1, …; the embeddings, and weights that all layers share, have the depth
below the lowest layer. The head, and a pooler before it, start from random weights: they take the run's rate, or one of
their own, which may be ten times as large.
Reference: Howard & Ruder (2018), https://arxiv.org/abs/1801.06146; Sun et al. (2019), https://arxiv.org/abs/1905.05583
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


def check_head(method: str, head_learning_rate: float | None, model: "PreTrainedModel") -> None:
    """Check that a model has a head, where a rate for it is set; raise ConfigError."""
    if head_learning_rate is not None and not _head(model):
        rate = f"{method}.head_learning_rate is {head_learning_rate}"
        raise ConfigError(f"{rate}, and {type(model).__name__} has no head. Leave it out.")


def rate_groups(
    model: "nn.Module", learning_rate: float, decay: float, head_learning_rate: float | None
) -> Iterator[tuple[list[str], float]]:
    """Yield (parameter names, learning rate) for what trains and does not take the run's rate."""
    from nlp_transfer.models.families import encoder_layers, family, plain_model

    plain = plain_model(model)
    names = {id(parameter): name for name, parameter in model.named_parameters() if parameter.requires_grad}
    head = _head(plain)
    groups: list[tuple[list[nn.Parameter], float]] = []
    if head_learning_rate is not None:
        groups.append((head, head_learning_rate))
    if decay != 1.0:
        below = [list(layer.parameters()) for layer in reversed(list(encoder_layers(plain)))]
        final_norm = family(plain).final_norm
        above = plain.base_model.get_submodule(final_norm).parameters() if final_norm else []
        placed = {id(parameter) for parameter in [*above, *head, *(p for group in below for p in group)]}
        below.append([parameter for parameter in plain.base_model.parameters() if id(parameter) not in placed])
        groups += [(group, learning_rate * decay**depth) for depth, group in enumerate(below) if depth > 0]
    for group, rate in groups:
        if trained := [names[id(parameter)] for parameter in group if id(parameter) in names]:
            yield trained, rate


def _head(plain: "PreTrainedModel") -> "list[nn.Parameter]":
    """Return the parameters of a classifier's head and the pooler before it, or of a masked-language-modelling head."""
    from nlp_transfer.models.families import family

    if type(plain).__name__.endswith("ForMaskedLM"):
        of_encoder = {id(parameter) for parameter in plain.base_model.parameters()}  # with embeddings that are tied
        return [parameter for parameter in plain.parameters() if id(parameter) not in of_encoder]
    modules = dict(plain.named_modules())
    return [parameter for name in family(plain).head if name in modules for parameter in modules[name].parameters()]
