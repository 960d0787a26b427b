"""Extensions of the trainer, one concern a file, and their order."""

from collections.abc import Sequence

from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.base import Method
from nlp_transfer.methods.extension import Extension
from nlp_transfer.training.extensions.activation_cache import ActivationCache
from nlp_transfer.training.extensions.checkpoint_selection import CheckpointSelection
from nlp_transfer.training.extensions.domain_adaptation import DomainAdaptation
from nlp_transfer.training.extensions.fast_forward import FastForward
from nlp_transfer.training.extensions.frozen_layers import FrozenLayers
from nlp_transfer.training.extensions.loss_scaling import LossScaling
from nlp_transfer.training.extensions.nonfinite_guard import NonfiniteGuard
from nlp_transfer.training.extensions.oom_guard import OomGuard


def default_extensions(methods: Sequence[Method], *, adapter: bool = False) -> tuple[Extension, ...]:
    """Return the extensions of a trainer, the innermost first (`methods/extension.py`).

    Example:
        >>> [type(extension).__name__ for extension in default_extensions([])]
        ['FastForward', 'CheckpointSelection', 'LossScaling', 'NonfiniteGuard', 'OomGuard']
    """
    adapts = bool(active_methods(methods))
    scaling = LossScaling()
    guard = OomGuard(scaling.is_additive, collective=adapts)
    own = (method.extension() for method in methods)
    return (
        FastForward(),  # innermost: every forward pass of the stock loop goes through the fast layers
        CheckpointSelection(),
        *([ActivationCache()] if methods or adapter else []),  # opens the store before pseudo-labels are computed
        *([DomainAdaptation(guard.split)] if adapts else []),  # mixes target rows in before items are counted
        *(one for one in own if one is not None),  # which may label or mask the target rows that are mixed in
        scaling,
        NonfiniteGuard(),  # after all that changes gradients; inside of OomGuard, to see each part's loss
        guard,  # makes the whole step again, with all that is inside
        # Outermost: dropout is off before any forward pass, that of DomainAdaptation's look ahead, too.
        *([FrozenLayers()] if methods or adapter else []),
    )
