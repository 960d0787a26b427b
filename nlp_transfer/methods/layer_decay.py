"""Layer-wise learning-rate decay: the lower a layer, the smaller its steps.

    lr(layer) = lr · decay^depth

The head and the top layer have depth 0, the layer below depth 1, …; the embeddings, and what all layers share, have the
depth after the lowest layer. Low layers hold what is general, and need to move less.
Reference: Howard & Ruder (2018), https://arxiv.org/abs/1801.06146; Sun et al. (2019), https://arxiv.org/abs/1905.05583
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def check_decay(method: str, decay: float) -> list[str]:
    """The problems with a decay, worded for the method's config."""
    if 0 < decay <= 1:
        return []
    return [f"{method}.layer_decay is {decay}; expected 0 < layer_decay <= 1 (1 is no decay)."]


def layer_decay_groups(model: "nn.Module", learning_rate: float, decay: float) -> Iterator[tuple[list[str], float]]:
    """Yield (parameter names, learning rate) for every depth below the top that has something to train.

    Args:
        model: the model in training, with or without an adapter around it.
        learning_rate: the run's.
        decay: factor a layer, 0 < decay <= 1.
    """
    from nlp_transfer.models.families import encoder_layers, family, plain_model

    if decay == 1.0:
        return
    plain = plain_model(model)
    names = {id(parameter): name for name, parameter in model.named_parameters() if parameter.requires_grad}
    layers = list(encoder_layers(plain))
    groups = [list(layer.parameters()) for layer in reversed(layers)]
    final_norm = family(plain).final_norm
    above = plain.base_model.get_submodule(final_norm).parameters() if final_norm else []
    head = [parameter for module in family(plain).head for parameter in plain.get_submodule(module).parameters()]
    placed = {id(parameter) for parameter in [*above, *head, *(p for group in groups for p in group)]}
    groups.append([parameter for parameter in plain.base_model.parameters() if id(parameter) not in placed])
    for depth, group in enumerate(groups):
        trained = [names[id(parameter)] for parameter in group if id(parameter) in names]
        if trained and depth > 0:
            yield trained, learning_rate * decay**depth
