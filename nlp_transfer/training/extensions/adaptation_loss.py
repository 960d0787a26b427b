"""The loss of an update with target rows, and the networks that methods train with the model.

    L = w_S · L_S + sum over methods of weight · term

L_S is the mean of the task's loss over the source rows of the update. Terms such as a discrepancy are no sums over
rows, so they are computed from the pooled features and logits of the whole update (`domain_adaptation.py`). The
methods' networks, such as discriminators, are in checkpoints and in no saved model.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nlp_transfer.methods.alignment import AlignmentMethod, Features, Shapes
from nlp_transfer.methods.context import Context
from nlp_transfer.models.families import is_encoder_decoder, logits_layer, plain_model


class MethodNetworks(nn.ModuleDict):
    """Hold the methods' networks, and their learning rates, by the method's name."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[str, float] = {}


def total_loss(
    methods: Sequence[AlignmentMethod],
    source: Features,
    target: Features,
    progress: float,
    networks: Mapping[str, nn.Module],
) -> tuple[Tensor, dict[str, float]]:
    """Return the task's loss on the source, if it has rows, plus the methods' terms, and its parts for the log."""
    assert source.losses is not None
    source_loss = source.losses.mean() if len(source.losses) else source.losses.sum()
    weight = 1.0
    parts = {"source_loss": source_loss.item()} if len(source.losses) else {}
    terms = []
    for method in methods:
        term = method.term(source, target, progress, networks.get(method.name))
        if term is not None:
            weight *= term.source_weight
            terms.append(term.weight * term.value)
            parts[f"{method.name}_loss"] = term.value.item()
            parts |= {f"{method.name}_{name}": value for name, value in term.logged.items()}
    return weight * source_loss + sum(terms), parts


def make_networks(
    methods: Sequence[AlignmentMethod], model: nn.Module, context: Context, sources: int
) -> MethodNetworks:
    """Return the methods' networks, by the method's name; their first weights depend on the seed only."""
    plain = plain_model(model)
    if is_encoder_decoder(plain):
        weight = next(plain.parameters())
        classes, hidden = 0, int(getattr(plain.config, "encoder", plain.config).hidden_size)
    else:
        layer = logits_layer(plain)
        weight = next(value for name, value in layer.named_parameters() if name.endswith("weight"))
        classes, hidden = weight.shape
    encoder: Any = plain.base_model
    shapes = Shapes(hidden, classes, sources, encoder=encoder, masked_lm=context.masked_lm)
    networks = MethodNetworks()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(context.seed)
        for method in methods:
            if made := method.network(shapes):
                networks[method.name], networks.rates[method.name] = made.module, made.learning_rate
    return networks.to(weight.device, torch.promote_types(weight.dtype, torch.float32))
