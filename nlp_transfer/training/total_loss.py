"""The loss of an update: the task's on the source, and the terms of the methods that use the target.

    L = w_S · L_S + sum over methods of weight · term

L_S is the mean of the task's loss over the source rows of the update. Terms such as a discrepancy are no sums over
rows, so they are computed of the pooled features and logits of the whole update (see
training/extensions/domain_adaptation.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from nlp_transfer.methods.base import Features, Method


@dataclass(frozen=True)
class AdaptationLoss:
    """An update's loss.

    Args:
        total: what is minimised, a scalar.
        shown: its parts and what else methods show, by the name in the log.
    """

    total: Tensor
    shown: dict[str, float]


def total_loss(
    methods: Sequence[Method],
    source: Features,
    target: Features,
    progress: float,
    networks: Mapping[str, nn.Module],
) -> AdaptationLoss:
    """The task's loss on the source and the methods' terms; see the module's text.

    Args:
        methods: all of the run.
        source: rows with losses.
        target: rows, with losses only where a method asked for labels.
        progress: the share of the run that is done, from 0 to 1.
        networks: the methods' own, by the method's name.
    """
    assert source.losses is not None
    source_loss, weight = source.losses.mean(), 1.0
    shown = {"source_loss": source_loss.item()}
    terms = []
    for method in methods:
        weight *= method.source_weight(progress)
        term = method.penalty(source, target, progress, networks.get(method.name))
        if term is not None:
            terms.append(term.weight * term.value)
            shown[f"{method.name}_loss"] = term.value.item()
            shown |= {f"{method.name}_{name}": value for name, value in term.shown.items()}
    return AdaptationLoss(weight * source_loss + sum(terms), shown)
